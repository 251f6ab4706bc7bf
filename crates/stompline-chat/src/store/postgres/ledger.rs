//! What commands read and write in PostgreSQL: memory first, the database when it has to be.

use std::sync::Arc;

use sqlx::PgConnection;

use super::flush::flush;
use super::load::Wanted;
use super::work::Work;
use crate::command::{Command, Target};
use crate::conversation::Conversation;
use crate::id::{ClientId, ConversationId};
use crate::person::{Role, UserRef};
use crate::store::fault::Fault;
use crate::store::ledger::{BeforeSending, Beside, Ledger};

/// The writer's open transaction.
///
/// A failed statement spoils a PostgreSQL transaction up to its last savepoint, so every failure here is
/// [`Fault::Lost`].
pub(super) struct PostgresLedger<'a> {
    pub(super) connection: &'a mut PgConnection,
    work: Work,
}

impl<'a> PostgresLedger<'a> {
    pub(super) fn new(connection: &'a mut PgConnection) -> Self {
        Self {
            connection,
            work: Work::default(),
        }
    }

    /// Looks up what these commands need, so that they find it in memory.
    pub(super) async fn prepare(&mut self, commands: &[Command]) -> Result<(), sqlx::Error> {
        let wanted = Wanted::by(commands);
        wanted.load(self.connection, &mut self.work).await
    }

    /// Writes all changes, and forgets everything.
    pub(super) async fn flush(&mut self) -> Result<(), sqlx::Error> {
        let work = std::mem::take(&mut self.work);
        flush(self.connection, work).await
    }

    /// Forgets what was not written.
    pub(super) fn discard(&mut self) {
        self.work = Work::default();
    }

    async fn load(&mut self, wanted: Wanted) -> Result<(), Fault> {
        let loaded = wanted.load(self.connection, &mut self.work).await;
        loaded.map_err(Fault::Lost)
    }
}

impl Ledger for PostgresLedger<'_> {
    async fn conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, Fault> {
        if !self.work.knows(id) {
            let mut wanted = Wanted::default();
            wanted.conversation(id);
            self.load(wanted).await?;
        }
        Ok(self.work.conversation(id).cloned())
    }

    async fn open_conversation(
        &mut self,
        customer: &UserRef,
    ) -> Result<Option<Conversation>, Fault> {
        if !self.work.knows_open(&customer.id) {
            let mut wanted = Wanted::default();
            wanted.customer(customer);
            self.load(wanted).await?;
        }
        Ok(self.work.open(&customer.id).cloned())
    }

    async fn last_conversation(
        &mut self,
        customer: &UserRef,
    ) -> Result<Option<Conversation>, Fault> {
        if !self.work.knows_last(&customer.id) {
            let mut wanted = Wanted::default();
            wanted.last(customer);
            self.load(wanted).await?;
        }
        Ok(self.work.last(&customer.id).cloned())
    }

    async fn started_before(
        &mut self,
        customer: &UserRef,
        client_id: &ClientId,
    ) -> Result<Option<ConversationId>, Fault> {
        let key = (Arc::clone(&customer.id), client_id.clone());
        if !self.work.knows_started(&key) {
            let mut wanted = Wanted::default();
            wanted.start(&customer.id, client_id);
            self.load(wanted).await?;
        }
        Ok(self.work.started(&key))
    }

    async fn before_sending(
        &mut self,
        sender: &UserRef,
        client_id: &ClientId,
        target: &Target,
    ) -> Result<BeforeSending, Fault> {
        let key = (sender.clone(), client_id.clone());
        if !self.work.knows_sent(&key) {
            let mut wanted = Wanted::default();
            wanted.send(sender, client_id, target);
            self.load(wanted).await?;
        }
        let conversation = match (sender.role, target) {
            (Role::Agent, Target::Conversation(id)) => self.conversation(*id).await?,
            (_, Target::Customer(customer)) => self.open_conversation(customer).await?,
            (Role::Customer, Target::Conversation(_)) => self.open_conversation(sender).await?,
        };
        Ok(BeforeSending {
            sent_before: self.work.sent(&key).cloned(),
            conversation,
        })
    }

    async fn save(&mut self, conversation: &Conversation, beside: Beside<'_>) -> Result<(), Fault> {
        self.work.save(conversation, beside);
        Ok(())
    }
}
