use super::{Config, Staged};
use crate::error::Fault;

/// The open transactions of a session (STOMP 1.2, "BEGIN").
///
/// The limits hold for all of them together, names included, so that a session cannot multiply its
/// share of memory by opening more.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: Vec<Transaction>,
    frames: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Transaction {
    name: Box<str>,
    staged: Vec<Staged>,
}

impl Transactions {
    pub(super) fn begin(&mut self, name: &str, config: &Config) -> Result<(), Fault> {
        if self.contains(name) {
            return Err(Fault::TransactionInUse);
        }
        if self.open.len() >= config.transactions_max {
            return Err(Fault::TransactionsMax {
                transactions_max: config.transactions_max,
            });
        }
        self.take_room(0, name.len(), config)?;
        self.open.push(Transaction {
            name: name.into(),
            staged: Vec::new(),
        });
        Ok(())
    }

    pub(super) fn stage(
        &mut self,
        name: &str,
        staged: Staged,
        config: &Config,
    ) -> Result<(), Fault> {
        let at = self.position(name).ok_or(Fault::UnknownTransaction)?;
        self.take_room(1, staged.bytes(), config)?;
        self.open[at].staged.push(staged);
        Ok(())
    }

    /// Closes a transaction and returns what it held.
    pub(super) fn end(&mut self, name: &str) -> Result<Vec<Staged>, Fault> {
        let at = self.position(name).ok_or(Fault::UnknownTransaction)?;
        let transaction = self.open.remove(at);
        self.frames -= transaction.staged.len();
        self.bytes -= transaction.name.len();
        self.bytes -= transaction.staged.iter().map(Staged::bytes).sum::<usize>();
        Ok(transaction.staged)
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    fn take_room(&mut self, frames: usize, bytes: usize, config: &Config) -> Result<(), Fault> {
        let (frames, bytes) = (self.frames + frames, self.bytes + bytes);
        if frames > config.transaction_frames_max || bytes > config.transaction_bytes_max {
            return Err(Fault::TransactionTooLarge {
                frames_max: config.transaction_frames_max,
                bytes_max: config.transaction_bytes_max,
            });
        }
        (self.frames, self.bytes) = (frames, bytes);
        Ok(())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.open
            .iter()
            .position(|transaction| &*transaction.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Settle;

    fn ack(id: &str) -> Staged {
        Staged::Ack(Settle {
            id: id.to_owned(),
            subscription: None,
            known_removed: false,
            receipt: None,
            transaction: None,
        })
    }

    #[test]
    fn limits_hold_for_all_transactions_together() {
        let config = Config::default()
            .transaction_frames_max(3)
            .transactions_max(2);
        let mut transactions = Transactions::default();
        transactions.begin("a", &config).unwrap();
        transactions.begin("b", &config).unwrap();
        let too_many = Err(Fault::TransactionsMax {
            transactions_max: 2,
        });
        assert_eq!(transactions.begin("c", &config), too_many);
        for (name, id) in [("a", "1"), ("b", "2"), ("a", "3")] {
            transactions.stage(name, ack(id), &config).unwrap();
        }
        let refused = transactions.stage("b", ack("4"), &config);
        assert!(matches!(
            refused,
            Err(Fault::TransactionTooLarge { frames_max: 3, .. })
        ));
        assert_eq!(transactions.end("a"), Ok(vec![ack("1"), ack("3")]));
        assert_eq!(transactions.stage("b", ack("4"), &config), Ok(()));
    }

    #[test]
    fn ended_transactions_free_their_room() {
        let config = Config::default();
        let mut transactions = Transactions::default();
        for round in 0..3 {
            transactions.begin("a", &config).unwrap();
            for _ in 0..config.transaction_frames_max {
                transactions.stage("a", ack("id"), &config).unwrap();
            }
            assert_eq!(transactions.end("a").unwrap().len(), 100, "round {round}");
        }
        assert_eq!((transactions.frames, transactions.bytes), (0, 0));
    }

    #[test]
    fn large_frames_and_names_are_refused() {
        let config = Config::default().transaction_bytes_max(1000);
        let mut transactions = Transactions::default();
        assert!(transactions.begin(&"n".repeat(1001), &config).is_err());
        transactions.begin("a", &config).unwrap();
        assert!(
            transactions
                .stage("a", ack(&"i".repeat(1000)), &config)
                .is_err()
        );
        assert_eq!(
            transactions.stage("x", ack("1"), &config),
            Err(Fault::UnknownTransaction)
        );
    }
}
