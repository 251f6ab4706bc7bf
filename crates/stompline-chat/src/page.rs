//! Cutting answers so that they fit: by count, and by bytes.
//!
//! A page must pass the outbox of one session (512 KiB by default) beside everything else, and a text may double when
//! JSON escapes it, and appears twice in a message. So the text of one page is bounded as well as its count.

use std::collections::VecDeque;

use crate::body::SyncBody;
use crate::id::ConversationId;
use crate::message::Message;
use crate::reply::{ReaderHead, SyncPage};

/// The most text in one answer, in bytes: at worst four times that on the wire, which leaves the outbox room.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What changed since a cursor, each list in `rev` order and at least [`Changes::fetch`] long if there is more.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) heads: VecDeque<ReaderHead>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) gone: VecDeque<(u64, ConversationId)>,
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
    pub(crate) fn page(mut self, limit: usize, text_bytes_max: usize) -> SyncPage {
        let mut page = SyncPage {
            receipt: None,
            cursor: self.settled,
            more: false,
            reset: false,
            conversations: Vec::new(),
            messages: Vec::new(),
            gone: Vec::new(),
        };
        let (mut items, mut text_bytes, mut last) = (0, 0, 0);
        while let Some(rev) = self.next_rev() {
            let text = self.messages.front().filter(|message| message.rev == rev);
            text_bytes += text.map_or(0, |message| message.content.bytes());
            if items >= limit || (items > 0 && text_bytes > text_bytes_max) {
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
        let gone = self.gone.front().map(|(rev, _)| *rev);
        [head, message, gone].into_iter().flatten().min()
    }

    fn move_to(&mut self, page: &mut SyncPage, rev: u64) -> usize {
        let head = self.heads.pop_front_if(|item| item.head.rev == rev);
        let message = self.messages.pop_front_if(|message| message.rev == rev);
        let gone = self.gone.pop_front_if(|(at, _)| *at == rev);
        let moved = usize::from(head.is_some())
            + usize::from(message.is_some())
            + usize::from(gone.is_some());
        page.conversations.extend(head);
        page.messages.extend(message);
        page.gone.extend(gone.map(|(_, id)| id));
        moved
    }
}

/// The answer to a cursor from the future, which only another store (or an older copy of this one) can have given.
pub(crate) fn reset(settled: u64) -> SyncPage {
    let page = Changes {
        settled,
        ..Changes::default()
    }
    .page(SyncBody::LIMIT_MAX, TEXT_BYTES_MAX);
    SyncPage {
        reset: true,
        ..page
    }
}

/// How many messages, taken in this order, fit into `text_bytes` (which is reduced by them); at least one if
/// `first_always`.
pub(crate) fn fitting<'a>(
    messages: impl Iterator<Item = &'a Message>,
    text_bytes: &mut usize,
    first_always: bool,
) -> usize {
    let mut count = 0;
    for message in messages {
        let bytes = message.content.bytes();
        if bytes > *text_bytes && (count > 0 || !first_always) {
            break;
        }
        *text_bytes = text_bytes.saturating_sub(bytes);
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests;
