//! Cutting answers so that they fit: by count, and by bytes.
//!
//! An answer must pass the outbox of one session (512 KiB by default) beside everything else, so its size is bounded as
//! well as its count. Sizes are estimates of the JSON: exact enough for a bound with as much room again above it.

use std::collections::VecDeque;

use crate::body::SyncBody;
use crate::id::ConversationId;
use crate::message::Message;
use crate::reply::{Checkpoint, ReaderHead, SyncPage};

/// The most that one answer holds, in bytes: half of an outbox.
pub(crate) const PAGE_BYTES_MAX: usize = 256 * 1024;

/// About what a head takes: names, times, two pointers and a preview.
const HEAD_BYTES: usize = 1_024;

/// About what a message takes without its text.
const MESSAGE_BYTES: usize = 512;

/// About what a message takes. Its text stands in it twice.
pub(crate) fn message_bytes(message: &Message) -> usize {
    MESSAGE_BYTES + 2 * message.content.bytes()
}

/// What changed since a cursor, each list in `rev` order and at least [`Changes::fetch`] long if there is more.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) heads: VecDeque<ReaderHead>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) gone: VecDeque<(ConversationId, u64)>,
    /// The largest stamp below which nothing can appear any more.
    pub(crate) settled: u64,
}

impl Changes {
    /// How many of each list a page of `limit` items needs: it may end one item late, and must see that there is
    /// more.
    pub(crate) const fn fetch(limit: usize) -> usize {
        limit + 2
    }

    /// The next page. A stamp is never divided: a message and the head it changed come together, because the cursor
    /// says that everything up to it was sent.
    pub(crate) fn page(mut self, limit: usize, bytes_max: usize) -> SyncPage {
        let mut page = SyncPage {
            receipt: None,
            cursor: self.settled,
            more: false,
            reset: false,
            conversations: Vec::new(),
            messages: Vec::new(),
            gone: Vec::new(),
        };
        let (mut items, mut bytes, mut last) = (0, 0, 0);
        while let Some(rev) = self.next_rev() {
            bytes += self.bytes_at(rev);
            if items >= limit || (items > 0 && bytes > bytes_max) {
                page.cursor = last;
                page.more = true;
                break;
            }
            items += self.move_to(&mut page, rev);
            last = rev;
        }
        page
    }

    fn next_rev(&self) -> Option<u64> {
        let head = self.heads.front().map(|item| item.head.rev);
        let message = self.messages.front().map(|message| message.rev);
        let gone = self.gone.front().map(|(_, rev)| *rev);
        [head, message, gone].into_iter().flatten().min()
    }

    fn bytes_at(&self, rev: u64) -> usize {
        let head = self.heads.front().filter(|item| item.head.rev == rev);
        let message = self.messages.front().filter(|message| message.rev == rev);
        head.map_or(0, |_| HEAD_BYTES) + message.map_or(0, message_bytes)
    }

    fn move_to(&mut self, page: &mut SyncPage, rev: u64) -> usize {
        let head = self.heads.pop_front_if(|item| item.head.rev == rev);
        let message = self.messages.pop_front_if(|message| message.rev == rev);
        let gone = self.gone.pop_front_if(|(_, at)| *at == rev);
        let moved = usize::from(head.is_some())
            + usize::from(message.is_some())
            + usize::from(gone.is_some());
        page.conversations.extend(head);
        page.messages.extend(message);
        page.gone.extend(gone.map(|(id, _)| id));
        moved
    }
}

/// Whose stamps changed, cut like a page: both lists in `rev` order, and longer than `limit` if there is more.
pub(crate) fn checkpoint(
    heads: Vec<(ConversationId, u64)>,
    gone: Vec<(ConversationId, u64)>,
    limit: usize,
    settled: u64,
) -> Checkpoint {
    let mut revs: Vec<u64> = heads.iter().chain(&gone).map(|(_, rev)| *rev).collect();
    revs.sort_unstable();
    let cursor = if revs.len() > limit {
        revs[limit - 1]
    } else {
        settled
    };
    let up_to_cursor = |(_, rev): &(ConversationId, u64)| *rev <= cursor;
    Checkpoint {
        cursor,
        heads: heads.into_iter().filter(up_to_cursor).collect(),
        gone: gone
            .into_iter()
            .filter(up_to_cursor)
            .map(|(id, _)| id)
            .collect(),
    }
}

/// The answer to a cursor from the future, which only another store (or an older copy of this one) can have given.
pub(crate) fn reset(settled: u64) -> SyncPage {
    let page = Changes {
        settled,
        ..Changes::default()
    }
    .page(SyncBody::LIMIT_MAX, PAGE_BYTES_MAX);
    SyncPage {
        reset: true,
        ..page
    }
}

/// How many messages, taken in this order, fit into `room` bytes, which they reduce; at least one if `first_always`.
pub(crate) fn fitting<'a>(
    messages: impl Iterator<Item = &'a Message>,
    room: &mut usize,
    first_always: bool,
) -> usize {
    let mut count = 0;
    for message in messages {
        let bytes = message_bytes(message);
        if bytes > *room && (count > 0 || !first_always) {
            break;
        }
        *room = room.saturating_sub(bytes);
        count += 1;
    }
    count
}

/// Takes the bytes of that many heads out of `room`.
pub(crate) fn reserve_heads(heads: usize, room: &mut usize) {
    *room = room.saturating_sub(heads * HEAD_BYTES);
}

#[cfg(test)]
mod tests;
