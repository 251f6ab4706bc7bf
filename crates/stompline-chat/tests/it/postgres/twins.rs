//! The same commands on SQLite and on PostgreSQL come to the same, whatever they are and however they share commits.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stompline_chat::command::{Close, Command, NewMessage, PointerMove, Start, Take, Target};
use stompline_chat::event::Batch;
use stompline_chat::id::{ClientId, ConversationId};
use stompline_chat::person::{Person, Role};
use uuid::Uuid;

use super::PostgresBackend;
use crate::desk::{Desk, agent, client_id, customer, draft};
use crate::sqlite::SqliteBackend;
use crate::store_suite::Backend;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

fn some_customer(dice: &mut Dice) -> Person {
    // Names change now and then, which is an event of its own.
    let name = (dice.roll(10) == 0).then(|| format!("name {}", dice.roll(3)));
    let id = format!("c{}", dice.roll(4));
    Person::new(customer(&id).user, name.as_deref())
}

fn some_agent(dice: &mut Dice) -> Person {
    agent(&format!("a{}", dice.roll(2)))
}

fn anybody(dice: &mut Dice) -> Person {
    if dice.roll(2) == 0 {
        some_customer(dice)
    } else {
        some_agent(dice)
    }
}

fn message(
    dice: &mut Dice,
    kind: u64,
    conversation_id: ConversationId,
    client_id: ClientId,
) -> NewMessage {
    let mut draft = draft(client_id, "hello");
    let (sender, target) = match kind {
        0..=2 => {
            let sender = some_customer(dice);
            let target = Target::Customer(sender.user.clone());
            (sender, target)
        }
        3..=5 => {
            draft.reply_to = (dice.roll(4) == 0).then(|| dice.roll(5));
            (anybody(dice), Target::Conversation(conversation_id))
        }
        _ => {
            let target = Target::Customer(some_customer(dice).user);
            (some_agent(dice), target)
        }
    };
    NewMessage {
        sender,
        target,
        draft,
    }
}

/// A store, and its names for the conversations, in the order of their first event.
struct Twin {
    desk: Desk,
    ids: Vec<ConversationId>,
}

impl Twin {
    /// The same rolls make the same command for each twin, but for the ids.
    fn command(&self, dice: &mut Dice) -> Command {
        let of_all = dice.roll(self.ids.len() as u64 + 1);
        let conversation_id = usize::try_from(of_all)
            .ok()
            .and_then(|index| self.ids.get(index).copied())
            .unwrap_or(ConversationId::new(Uuid::nil()));
        // Few names, so that many commands repeat an earlier one.
        let client_id = client_id(&format!("n{}", dice.roll(300)));
        match dice.roll(12) {
            kind @ 0..=6 => message(dice, kind, conversation_id, client_id).into(),
            7 => {
                let client_id = (dice.roll(3) > 0).then_some(client_id);
                let customer = some_customer(dice);
                Start {
                    customer,
                    client_id,
                }
                .into()
            }
            8 => Take {
                assign_rev: (dice.roll(3) == 0).then(|| dice.roll(4)),
                agent: some_agent(dice),
                conversation_id,
            }
            .into(),
            9 | 10 => Close {
                by: anybody(dice).user,
                conversation_id,
                reason: Some("done".into()),
            }
            .into(),
            _ => PointerMove {
                who: anybody(dice).user,
                conversation_id,
                delivered: dice.roll(9),
                read: dice.roll(9),
            }
            .into(),
        }
    }

    /// Hands over commands that share a commit; what came of them, without the ids.
    async fn commit(&mut self, commands: Vec<Command>) -> Value {
        let pending = commands
            .into_iter()
            .map(|command| self.desk.submit(command));
        let pending: Vec<_> = pending.collect();
        let results: Vec<Value> = join_all(pending)
            .await
            .into_iter()
            .map(|result| match result {
                Ok(ack) => json!(ack),
                Err(refusal) => json!([refusal.code(), refusal.to_string()]),
            })
            .collect();
        let batches: Vec<Value> = self
            .desk
            .batches()
            .iter()
            .map(|batch| self.seen(batch))
            .collect();
        nameless(json!({ "results": results, "batches": batches }))
    }

    fn seen(&mut self, batch: &Batch) -> Value {
        for event in &batch.events {
            if !self.ids.contains(&event.conversation_id) {
                self.ids.push(event.conversation_id);
            }
        }
        let events: Vec<Value> = batch
            .events
            .iter()
            .map(|event| {
                json!({
                    "customer": event.body(Role::Customer),
                    "agent": event.body(Role::Agent),
                    "recipients": event.recipients,
                })
            })
            .collect();
        json!({ "events": events, "queue": batch.queue })
    }

    /// What everybody sees in the end.
    async fn end(&self) -> Value {
        let mut pages = Vec::new();
        for n in 0..4 {
            let who = customer(&format!("c{n}"));
            pages.push(json!(self.desk.sync(&who, 0).await));
            pages.push(json!(
                self.desk.store.bootstrap(who).await.unwrap().conversations
            ));
        }
        for n in 0..2 {
            let who = agent(&format!("a{n}"));
            pages.push(json!(self.desk.sync(&who, 7).await));
            pages.push(json!(
                self.desk.store.bootstrap(who).await.unwrap().conversations
            ));
        }
        pages.push(json!(self.desk.store.queue().await.unwrap()));
        nameless(json!(pages))
    }
}

/// The same with ids numbered in the order in which they appear, and pointers sorted, whose order means nothing.
fn nameless(mut value: Value) -> Value {
    fn walk(value: &mut Value, known: &mut HashMap<String, usize>) {
        match value {
            Value::String(text) if Uuid::parse_str(text).is_ok() => {
                let next = known.len();
                *value = json!(known.entry(text.clone()).or_insert(next));
            }
            Value::Array(items) => {
                items.sort_by_key(|item| item.get("deliveredSeq").map(|_| item.to_string()));
                for item in items {
                    walk(item, known);
                }
            }
            Value::Object(fields) => fields.values_mut().for_each(|item| walk(item, known)),
            _ => {}
        }
    }
    walk(&mut value, &mut HashMap::new());
    value
}

async fn agree(seed: u64) {
    let (sqlite, postgres) = (SqliteBackend::create(), PostgresBackend::create());
    let mut twins = [sqlite.open().await, postgres.open().await].map(|desk| Twin {
        desk,
        ids: Vec::new(),
    });
    let mut dice = Dice(seed);
    for round in 0..60 {
        if dice.roll(4) == 0 {
            for clock in [sqlite.clock(), postgres.clock()] {
                clock.advance(Duration::from_hours(20));
            }
        }
        let (count, start) = (1 + dice.roll(12), dice.0);
        let mut outcomes = Vec::new();
        for twin in &mut twins {
            dice.0 = start;
            let commands = (0..count).map(|_| twin.command(&mut dice)).collect();
            outcomes.push(twin.commit(commands).await);
        }
        assert_eq!(outcomes[0], outcomes[1], "seed {seed}, round {round}");
    }
    assert_eq!(twins[0].end().await, twins[1].end().await, "seed {seed}");
    let conversations = twins[0].ids.len();
    assert!(conversations >= 4, "only {conversations} conversations");
}

#[tokio::test]
async fn both_stores_come_to_the_same() {
    for seed in 1..=4 {
        agree(seed).await;
    }
}
