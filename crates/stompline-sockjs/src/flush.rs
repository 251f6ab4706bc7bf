//! Fewer and larger writes: what a turn of a task has produced for a connection leaves in one piece.
//!
//! While a future wrapped in [`batched`] is being polled, messages that it appends to outboxes are not written one by one. Each
//! outbox is remembered once and flushed when the poll returns, whether the future is finished or waits. So nothing that is
//! ready is ever held back by a wait, a lone message leaves at once, and a burst becomes one write for each connection.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// An outbox, whatever its messages are.
pub(crate) trait Flush: Send + Sync {
    /// Writes what the socket takes now.
    fn flush(&self);
}

#[derive(Default)]
struct Scope {
    depth: usize,
    dirty: Vec<Arc<dyn Flush>>,
}

thread_local! {
    static SCOPE: RefCell<Scope> = RefCell::default();
}

/// Remembers `outbox` for the end of the poll. Returns `false` outside of a [`batched`] future: flush at once then.
pub(crate) fn defer(outbox: impl FnOnce() -> Arc<dyn Flush>) -> bool {
    SCOPE.with_borrow_mut(|scope| {
        let inside = scope.depth > 0;
        if inside {
            scope.dirty.push(outbox());
        }
        inside
    })
}

/// Runs `future` so that everything it sends during one poll leaves when that poll returns.
pub fn batched<F: Future>(future: F) -> Batched<F> {
    Batched {
        future: Box::pin(future),
    }
}

/// The future made by [`batched`].
pub struct Batched<F> {
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Batched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _turn = Turn::begin();
        self.future.as_mut().poll(context)
    }
}

/// One poll; its end flushes, also when the future panics.
struct Turn;

impl Turn {
    fn begin() -> Self {
        SCOPE.with_borrow_mut(|scope| scope.depth += 1);
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let dirty = SCOPE.with_borrow_mut(|scope| {
            scope.depth -= 1;
            if scope.depth == 0 {
                std::mem::take(&mut scope.dirty)
            } else {
                Vec::new()
            }
        });
        if dirty.is_empty() {
            return;
        }
        for outbox in &dirty {
            outbox.flush();
        }
        SCOPE.with_borrow_mut(|scope| {
            if scope.dirty.capacity() == 0 {
                scope.dirty = dirty;
                scope.dirty.clear();
            }
        });
    }
}
