use std::fmt;

use thiserror::Error;

use crate::{BadHeartbeat, BadSubscriptionId, Command, Frame, Version};

/// A frame that the peer should not have sent, well-formed as it was.
///
/// The session cannot go on: send [`ProtocolError::to_frame`] and close. Texts name limits and what
/// is allowed; they never repeat what the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    fault: Fault,
    receipt: Option<Box<str>>,
}

impl ProtocolError {
    pub(crate) fn new(fault: Fault, receipt: Option<&str>) -> Self {
        Self {
            fault,
            receipt: receipt.map(Into::into),
        }
    }

    /// What was wrong.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// A stable name for programs, as the `code` header of an ERROR frame carries it.
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// The `receipt` header of the frame at fault.
    pub fn receipt(&self) -> Option<&str> {
        self.receipt.as_deref()
    }

    /// The ERROR frame that tells the peer. For [`Fault::UnsupportedVersion`] it lists the versions
    /// spoken here in its `version` header, as "Protocol Negotiation" demands.
    pub fn to_frame(&self) -> Frame {
        let message = self.to_string();
        let body = format!("{message}\nSTOMP 1.2, \"{}\"\n", self.fault.section());
        let mut frame = Frame::error(self.code(), &message, self.receipt());
        if self.fault == Fault::UnsupportedVersion {
            frame.headers.push("version", Version::LIST);
        }
        frame.body(body)
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for ProtocolError {}

/// What was wrong with a frame in the place where it came.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Another frame came before CONNECT, or before its answer.
    #[error(
        "{command} is not allowed before the session is open, send CONNECT and wait for CONNECTED"
    )]
    NotConnected {
        /// The command of the frame.
        command: Command,
    },
    /// A second CONNECT.
    #[error("the session is open already, CONNECT may be sent once")]
    AlreadyConnected,
    /// `accept-version` names no version spoken here.
    #[error(
        "none of the offered STOMP versions is supported, supported are {}",
        Version::LIST
    )]
    UnsupportedVersion,
    /// The version of the session does not have the command.
    #[error("STOMP {version} has no {command}")]
    NotInVersion {
        /// The command of the frame.
        command: Command,
        /// The version of the session.
        version: Version,
    },
    /// A client sent what only servers send.
    #[error("{command} is a frame that only servers send")]
    ServerFrameFromClient {
        /// The command of the frame.
        command: Command,
    },
    /// A server sent what only clients send.
    #[error("{command} is a frame that only clients send")]
    ClientFrameFromServer {
        /// The command of the frame.
        command: Command,
    },
    /// A header that the command needs is missing.
    #[error("{command} needs the header {name}")]
    MissingHeader {
        /// The command of the frame.
        command: Command,
        /// The header's name.
        name: &'static str,
    },
    /// `heart-beat` can not be read.
    #[error(transparent)]
    BadHeartbeat(#[from] BadHeartbeat),
    /// `id` can not name a subscription.
    #[error(transparent)]
    BadSubscriptionId(#[from] BadSubscriptionId),
    /// A subscription with this id is alive.
    #[error("the subscription id is in use, UNSUBSCRIBE it first or choose another")]
    SubscriptionInUse,
    /// The session has as many subscriptions as allowed.
    #[error("the session has too many subscriptions, at most {subscriptions_max} are allowed")]
    SubscriptionsMax {
        /// The limit of a session.
        subscriptions_max: usize,
    },
    /// The `ack` header of SUBSCRIBE names no mode.
    #[error("unknown ack mode, known are auto, client and client-individual")]
    UnknownAckMode,
    /// A transaction of this name is open.
    #[error("the transaction is open already, COMMIT or ABORT it first or choose another name")]
    TransactionInUse,
    /// No transaction of this name is open.
    #[error("no such transaction is open, BEGIN it first")]
    UnknownTransaction,
    /// The session has as many open transactions as allowed.
    #[error("the session has too many open transactions, at most {transactions_max} are allowed")]
    TransactionsMax {
        /// The limit of a session.
        transactions_max: usize,
    },
    /// The open transactions hold more than allowed.
    #[error(
        "the open transactions are too large, at most {frames_max} frames and {bytes_max} octets \
         are allowed"
    )]
    TransactionTooLarge {
        /// Frames that all open transactions of a session may hold.
        frames_max: usize,
        /// Octets that all open transactions of a session may hold.
        bytes_max: usize,
    },
}

impl Fault {
    /// A stable name for programs, as the `code` header of an ERROR frame carries it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConnected { .. } => "not_connected",
            Self::AlreadyConnected => "already_connected",
            Self::UnsupportedVersion => "unsupported_version",
            Self::NotInVersion { .. } => "unknown_command",
            Self::ServerFrameFromClient { .. } => "server_frame_from_client",
            Self::ClientFrameFromServer { .. } => "client_frame_from_server",
            Self::MissingHeader { .. } => "missing_header",
            Self::BadHeartbeat(_) => "bad_heartbeat",
            Self::BadSubscriptionId(_) => "bad_subscription_id",
            Self::SubscriptionInUse => "subscription_in_use",
            Self::SubscriptionsMax { .. } => "subscriptions_max",
            Self::UnknownAckMode => "unknown_ack_mode",
            Self::TransactionInUse => "transaction_in_use",
            Self::UnknownTransaction => "unknown_transaction",
            Self::TransactionsMax { .. } => "transactions_max",
            Self::TransactionTooLarge { .. } => "transaction_too_large",
        }
    }

    /// The section of the STOMP 1.2 text which says what is right.
    const fn section(&self) -> &'static str {
        match self {
            Self::NotConnected { .. } | Self::AlreadyConnected => "Connecting",
            Self::UnsupportedVersion => "Protocol Negotiation",
            Self::NotInVersion { .. }
            | Self::ServerFrameFromClient { .. }
            | Self::ClientFrameFromServer { .. } => "Frames and Headers",
            Self::MissingHeader { .. } => "Standard Headers",
            Self::BadHeartbeat(_) => "Heart-beating",
            Self::BadSubscriptionId(_) | Self::SubscriptionInUse => "SUBSCRIBE id Header",
            Self::UnknownAckMode => "SUBSCRIBE ack Header",
            Self::TransactionInUse | Self::UnknownTransaction => "BEGIN",
            Self::SubscriptionsMax { .. }
            | Self::TransactionsMax { .. }
            | Self::TransactionTooLarge { .. } => "Size Limits",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_frame_names_code_receipt_and_section() {
        let fault = Fault::MissingHeader {
            command: Command::Send,
            name: "destination",
        };
        let frame = ProtocolError::new(fault, Some("r1")).to_frame();
        assert_eq!(frame.headers.find("code"), Some("missing_header"));
        assert_eq!(
            frame.headers.find("message"),
            Some("SEND needs the header destination")
        );
        assert_eq!(frame.headers.find("receipt-id"), Some("r1"));
        assert_eq!(frame.headers.find("content-type"), Some("text/plain"));
        assert_eq!(frame.headers.find("version"), None);
        assert_eq!(
            frame.body,
            "SEND needs the header destination\nSTOMP 1.2, \"Standard Headers\"\n"
        );
    }

    #[test]
    fn unsupported_version_lists_ours() {
        let frame = ProtocolError::new(Fault::UnsupportedVersion, None).to_frame();
        assert_eq!(frame.headers.find("version"), Some("1.0,1.1,1.2"));
        assert_eq!(frame.headers.find("receipt-id"), None);
    }
}
