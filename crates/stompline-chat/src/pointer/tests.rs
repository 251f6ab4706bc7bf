use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::advance;
use uuid::Uuid;

use super::*;
use crate::body::{HistoryBody, ListBody, SyncBody};
use crate::command::Command;
use crate::head::Head;
use crate::person::Person;
use crate::reply::{Bootstrap, Checkpoint, HistoryPage, ListPage, QueueSnapshot, SyncPage};
use crate::store::Reading;

/// Notes what it is told to write and when.
struct Recorder {
    begin: Instant,
    writes: Mutex<Vec<(u128, u64, u64, Duration)>>,
}

impl Recorder {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begin: Instant::now(),
            writes: Mutex::default(),
        })
    }

    fn writes(&self) -> Vec<(u128, u64, u64, Duration)> {
        std::mem::take(&mut self.writes.lock().unwrap())
    }
}

impl Store for Recorder {
    fn submit(&self, command: Command) -> Pending {
        let Command::Point(moved) = command else {
            panic!("not a pointer move: {command:?}")
        };
        let id = moved.conversation_id;
        let at = self.begin.elapsed();
        self.writes
            .lock()
            .unwrap()
            .push((id.uuid().as_u128(), moved.delivered, moved.read, at));
        let (reply, result) = oneshot::channel();
        reply.send(Ok(Ack::change(id, moved.read, false))).unwrap();
        Pending::waiting(None, result, Instant::now() + COMMAND_DEADLINE)
    }

    fn sync(&self, _: UserRef, _: SyncBody) -> Reading<'_, SyncPage> {
        unasked()
    }

    fn history(&self, _: UserRef, _: HistoryBody) -> Reading<'_, HistoryPage> {
        unasked()
    }

    fn list(&self, _: UserRef, _: ListBody) -> Reading<'_, ListPage> {
        unasked()
    }

    fn bootstrap(&self, _: Person) -> Reading<'_, Bootstrap> {
        unasked()
    }

    fn head(&self, _: UserRef, _: ConversationId) -> Reading<'_, Head> {
        unasked()
    }

    fn checkpoint(&self, _: UserRef, _: u64) -> Reading<'_, Checkpoint> {
        unasked()
    }

    fn customers_behind(&self, _: Vec<Arc<str>>, _: u64) -> Reading<'_, Vec<Arc<str>>> {
        unasked()
    }

    fn settled(&self) -> Reading<'_, u64> {
        unasked()
    }

    fn queue(&self) -> Reading<'_, QueueSnapshot> {
        unasked()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}

fn unasked<T>() -> T {
    panic!("pointers only write")
}

fn read(conversation: u128, seq: u64) -> PointerMove {
    PointerMove {
        who: UserRef::customer("7"),
        conversation_id: ConversationId::new(Uuid::from_u128(conversation)),
        delivered: 0,
        read: seq,
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Lets the writer's task see the new time.
async fn pass(time: Duration) {
    advance(time).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn first_at_once_then_one_a_second() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    for seq in 1..=40 {
        drop(pointers.point(read(1, seq)));
        pass(millis(100)).await;
    }
    pass(millis(2_000)).await;
    let writes = store.writes();
    let seqs: Vec<_> = writes.iter().map(|(_, _, read, _)| *read).collect();
    assert_eq!(seqs, [1, 10, 20, 30, 40]);
    let times: Vec<_> = writes.iter().map(|(.., at)| at.as_millis()).collect();
    assert_eq!(times, [0, 1_000, 2_000, 3_000, 4_000]);
}

#[tokio::test(start_paused = true)]
async fn pause_is_over_after_a_quiet_second() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    drop(pointers.point(read(1, 1)));
    pass(millis(1_001)).await;
    drop(pointers.point(read(1, 2)));
    let times: Vec<_> = store
        .writes()
        .iter()
        .map(|(.., at)| at.as_millis())
        .collect();
    assert_eq!(times, [0, 1_001]);
    pass(millis(1_001)).await;
    assert!(
        pointers.shared.pacer().paced.is_empty(),
        "quiet participants are forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn participants_do_not_wait_for_each_other() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    drop(pointers.point(read(1, 1)));
    drop(pointers.point(read(2, 1)));
    drop(pointers.point(PointerMove {
        who: UserRef::agent("7"),
        ..read(1, 1)
    }));
    assert_eq!(store.writes().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn held_move_resolves_with_its_write() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    drop(pointers.point(read(1, 1)));
    let mut lower = Box::pin(pointers.point(read(1, 5)));
    let delivered = PointerMove {
        delivered: 9,
        read: 0,
        ..read(1, 0)
    };
    let mut higher = Box::pin(pointers.point(delivered));
    assert!((&mut lower).now_or_never().is_none());
    pass(millis(1_000)).await;
    assert_eq!(
        store.writes().last().map(|write| (write.1, write.2)),
        Some((9, 5))
    );
    assert!(
        (&mut lower)
            .now_or_never()
            .is_some_and(|result| result.is_ok())
    );
    assert!(
        (&mut higher)
            .now_or_never()
            .is_some_and(|result| result.is_ok())
    );
}

#[tokio::test(start_paused = true)]
async fn close_writes_what_is_held() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    drop(pointers.point(read(1, 1)));
    let held = pointers.point(read(1, 2));
    pointers.close().await;
    assert!(held.await.is_ok());
    assert_eq!(store.writes().len(), 2);
    assert_eq!(
        pointers.point(read(1, 3)).await.unwrap_err().code(),
        "unavailable"
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_waiters_are_refused() {
    let store = Recorder::new();
    let pointers = PointerWriter::new(store.clone());
    drop(pointers.point(read(1, 1)));
    let waiting: Vec<_> = (2..)
        .take(WAITERS_MAX)
        .map(|seq| pointers.point(read(1, seq)))
        .collect();
    assert_eq!(
        pointers.point(read(1, 99)).await.unwrap_err().code(),
        "rate_limited"
    );
    drop(waiting);
    assert!(
        pointers.point(read(1, 99)).now_or_never().is_none(),
        "room is made by who gave up"
    );
}
