use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const HOLD: Duration = Duration::from_secs(1);

/// A change of `conversation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    rev: u64,
    prev: u64,
}

impl Chained for Change {
    fn rev(&self) -> u64 {
        self.rev
    }

    fn prev(&self) -> u64 {
        self.prev
    }

    fn bytes(&self) -> usize {
        1
    }
}

fn change(rev: u64, prev: u64) -> Change {
    Change { rev, prev }
}

fn after(rev: u64) -> Order<Change> {
    let mut order = Order::new(HOLD);
    order.expect(Instant::now(), rev);
    order
}

/// Offers changes at one moment, and gives the stamps that went out.
fn offer(order: &mut Order<Change>, now: Instant, changes: &[Change]) -> Vec<u64> {
    let mut out = Vec::new();
    for change in changes {
        assert_eq!(order.offer(now, *change, &mut out), None);
    }
    out.iter().map(|change| change.rev).collect()
}

fn expire(order: &mut Order<Change>, now: Instant) -> (Option<Gap>, Vec<u64>) {
    let mut out = Vec::new();
    let gap = order.give_up(now, &mut out);
    (gap, out.iter().map(|change| change.rev).collect())
}

#[test]
fn what_is_in_step_goes_out_at_once() {
    let mut order = after(10);
    let now = Instant::now();
    let changes = [change(11, 4), change(12, 0), change(13, 11), change(14, 12)];
    assert_eq!(offer(&mut order, now, &changes), [11, 12, 13, 14]);
    assert_eq!((order.deadline(), order.held()), (None, 0));
}

#[test]
fn crossed_changes_of_a_conversation_are_uncrossed() {
    let mut order = after(10);
    let now = Instant::now();
    let third_first = [change(13, 12), change(12, 11)];
    assert_eq!(offer(&mut order, now, &third_first), [0; 0]);
    assert_eq!(order.deadline(), Some(now + HOLD));
    assert_eq!(offer(&mut order, now, &[change(11, 3)]), [11, 12, 13]);
    assert_eq!((order.deadline(), order.held()), (None, 0));
}

#[test]
fn other_conversations_do_not_wait() {
    let mut order = after(10);
    let now = Instant::now();
    let others = [change(12, 7), change(14, 12), change(13, 0)];
    assert_eq!(offer(&mut order, now, &others), [12, 14, 13]);
    assert_eq!(offer(&mut order, now, &[change(11, 2)]), [11]);
    assert_eq!(order.deadline(), None);
}

#[test]
fn stamps_that_a_store_gives_again_go_out() {
    let mut order = after(10);
    let now = Instant::now();
    assert_eq!(
        offer(&mut order, now, &[change(11, 1), change(12, 11)]),
        [11, 12]
    );
    let again = [change(11, 1), change(12, 11), change(13, 12)];
    assert_eq!(offer(&mut order, now, &again), [11, 12, 13]);
    assert_eq!(order.deadline(), None);
}

#[test]
fn first_change_of_all_is_where_it_begins() {
    let mut order = Order::new(HOLD);
    let now = Instant::now();
    assert_eq!(
        offer(&mut order, now, &[change(500, 499), change(501, 3)]),
        [500, 501]
    );
    assert_eq!(order.deadline(), None);
}

#[test]
fn what_was_on_its_way_when_it_began_goes_out() {
    let mut order = after(10);
    let now = Instant::now();
    let before = [change(9, 8), change(10, 9)];
    assert_eq!(offer(&mut order, now, &before), [9, 10]);
    let mut order = Order::new(HOLD);
    let first = [change(7, 6), change(6, 5), change(8, 7)];
    assert_eq!(offer(&mut order, now, &first), [7, 6, 8]);
}

#[test]
fn missing_change_is_given_up_and_still_welcome() {
    let mut order = after(10);
    let now = Instant::now();
    let rest = [change(12, 11), change(15, 12)];
    assert_eq!(offer(&mut order, now, &rest), [0; 0]);
    assert_eq!(expire(&mut order, now), (None, vec![]), "not yet");
    let gap = |first, last| Some(Gap { first, last });
    let deadline = now + HOLD;
    assert_eq!(expire(&mut order, deadline), (gap(11, 11), vec![12, 15]));
    let deadline = order.deadline().unwrap();
    assert_eq!(expire(&mut order, deadline), (gap(13, 14), vec![]));
    assert_eq!(order.deadline(), None);
    let late = [change(14, 13), change(11, 2)];
    assert_eq!(offer(&mut order, now + HOLD, &late), [14, 11]);
    assert_eq!(offer(&mut order, now + HOLD, &[change(16, 15)]), [16]);
}

#[test]
fn what_came_to_be_missing_later_is_waited_for_as_long() {
    let mut order = after(10);
    let now = Instant::now();
    offer(&mut order, now, &[change(12, 11)]);
    let later = now + HOLD / 2;
    offer(&mut order, later, &[change(14, 13)]);
    let gap = |rev| Gap {
        first: rev,
        last: rev,
    };
    assert_eq!(expire(&mut order, now + HOLD), (Some(gap(11)), vec![12]));
    let deadline = order.deadline().unwrap();
    assert!(deadline >= later + HOLD, "13 has not been waited for yet");
    assert_eq!(expire(&mut order, deadline), (Some(gap(13)), vec![14]));
}

#[test]
fn change_that_never_comes_is_missed_when_the_store_tells() {
    let mut order = after(10);
    let now = Instant::now();
    order.expect(now, 10);
    assert_eq!(order.deadline(), None);
    order.expect(now, 12);
    let gap = Gap {
        first: 11,
        last: 12,
    };
    assert_eq!(expire(&mut order, now + HOLD), (Some(gap), vec![]));
    assert_eq!(order.deadline(), None);
}

#[test]
fn too_much_that_waits_waits_no_more() {
    let mut order = after(10);
    let now = Instant::now();
    let mut out = Vec::new();
    let first = 12;
    let last = first + u64::try_from(HELD_MAX).unwrap();
    for rev in first..last {
        assert_eq!(order.offer(now, change(rev, rev - 1), &mut out), None);
    }
    assert!(out.is_empty());
    let gap = order.offer(now, change(last, last - 1), &mut out);
    assert_eq!(
        gap,
        Some(Gap {
            first: 11,
            last: 11
        })
    );
    let revs: Vec<u64> = out.iter().map(Change::rev).collect();
    assert_eq!(revs, (first..=last).collect::<Vec<_>>());
    assert_eq!(order.held(), 0);
}

/// Changes of a few conversations in the order of their stamps, and the order in which they come: those of each of
/// three nodes in theirs.
fn crossing() -> impl Strategy<Value = (Vec<(Change, usize)>, Vec<Change>)> {
    let steps = proptest::collection::vec((0..4_usize, 0..3_usize), 1..80);
    let way = proptest::collection::vec(0..3_usize, 400);
    (steps, way).prop_map(|(steps, way)| {
        let mut heads = HashMap::new();
        let mut nodes = [vec![], vec![], vec![]];
        let mut all = Vec::new();
        for (rev, (conversation, node)) in (1..).zip(steps) {
            let prev = heads.insert(conversation, rev).unwrap_or(0);
            let change = change(rev, prev);
            all.push((change, conversation));
            nodes[node].push(change);
        }
        for node in &mut nodes {
            node.reverse();
        }
        let mut come: Vec<Change> = way.iter().filter_map(|node| nodes[*node].pop()).collect();
        for node in &mut nodes {
            node.reverse();
            come.append(node);
        }
        (all, come)
    })
}

proptest! {
    #[test]
    fn whatever_crosses_comes_out_complete_and_in_order((all, come) in crossing()) {
        let mut order = after(0);
        let out = offer(&mut order, Instant::now(), &come);
        prop_assert_eq!(order.held(), 0);
        prop_assert_eq!(order.deadline(), None);
        prop_assert_eq!(out.len(), all.len());
        for conversation in 0..4 {
            let is_its = |rev: &u64| all[usize::try_from(*rev).unwrap() - 1].1 == conversation;
            let its: Vec<u64> = out.iter().copied().filter(is_its).collect();
            prop_assert!(its.is_sorted(), "{:?}", its);
        }
    }

    #[test]
    fn whatever_is_lost_the_rest_comes_out_once_and_in_order(
        (all, come) in crossing(),
        lost in proptest::collection::vec(proptest::bool::weighted(0.2), 80),
    ) {
        let mut order = after(0);
        let mut now = Instant::now();
        let kept: Vec<Change> = come
            .into_iter()
            .filter(|change| !lost[usize::try_from(change.rev).unwrap() - 1])
            .collect();
        let mut out = offer(&mut order, now, &kept);
        order.expect(now, u64::try_from(all.len()).unwrap());
        while let Some(deadline) = order.deadline() {
            now = deadline;
            out.append(&mut expire(&mut order, now).1);
        }
        prop_assert_eq!(order.held(), 0);
        let mut revs = out.clone();
        revs.sort_unstable();
        let mut expected: Vec<u64> = kept.iter().map(Change::rev).collect();
        expected.sort_unstable();
        prop_assert_eq!(revs, expected);
        for conversation in 0..4 {
            let is_its = |rev: &u64| all[usize::try_from(*rev).unwrap() - 1].1 == conversation;
            let its: Vec<u64> = out.iter().copied().filter(is_its).collect();
            prop_assert!(its.is_sorted(), "{:?}", its);
        }
    }
}
