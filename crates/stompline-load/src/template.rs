//! SEND frames that are alike but for a number.

use stompline_proto::{Frame, Version, encode};

/// Digits of the number at the start of each body: any 64-bit number fits.
pub const NUMBER_BYTES: usize = 20;

/// Stands behind the number in the last body of a publisher, where others have [`FILLING`].
const LAST: u8 = b'.';

/// What bodies are filled up with.
const FILLING: u8 = b'x';

/// An encoded SEND whose body begins with a number of [`NUMBER_BYTES`] digits.
#[derive(Clone, Debug)]
pub struct Template {
    frame: Vec<u8>,
    number_at: usize,
}

impl Template {
    /// A SEND to `destination` with a body of `body_bytes`, but at least the number.
    pub fn new(send: Frame, body_bytes: usize) -> Self {
        let body_bytes = body_bytes.max(NUMBER_BYTES);
        let mut body = vec![b'0'; NUMBER_BYTES];
        body.resize(body_bytes, FILLING);
        let mut frame = Vec::new();
        encode(&send.body(body), Version::V1_2, &mut frame);
        // The body ends before the NUL, which ends the frame.
        let number_at = frame.len() - 1 - body_bytes;
        Self { frame, number_at }
    }

    /// The frame with this number, whose body says that it is the last one if there is room behind
    /// the number.
    pub fn last(&mut self, number: u64) -> &[u8] {
        let mark_at = self.number_at + NUMBER_BYTES;
        if self.frame[mark_at] == FILLING {
            self.frame[mark_at] = LAST;
        }
        self.numbered(number)
    }

    /// The frame with this number.
    pub fn numbered(&mut self, mut number: u64) -> &[u8] {
        let digits = &mut self.frame[self.number_at..self.number_at + NUMBER_BYTES];
        for digit in digits.iter_mut().rev() {
            let [lowest, ..] = (number % 10).to_le_bytes();
            *digit = b'0' + lowest;
            number /= 10;
        }
        &self.frame
    }
}

/// Whether a body says that it is the last one.
pub fn is_last(body: &[u8]) -> bool {
    body.get(NUMBER_BYTES) == Some(&LAST)
}

/// The number that a body begins with.
pub fn number_of(body: &[u8]) -> Option<u64> {
    body.get(..NUMBER_BYTES)?
        .iter()
        .try_fold(0_u64, |sum, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            sum.checked_mul(10)?.checked_add(digit.into())
        })
}

#[cfg(test)]
mod tests {
    use stompline_proto::Command;

    use super::*;

    fn template(body_bytes: usize) -> Template {
        let send = Frame::new(Command::Send).header("destination", "/topic/a");
        Template::new(send, body_bytes)
    }

    #[test]
    fn number_stands_at_the_start_of_the_body() {
        let mut template = template(22);
        let text = std::str::from_utf8(template.numbered(1203)).unwrap();
        let expected = "SEND\ndestination:/topic/a\ncontent-length:22\n\n00000000000000001203xx\0";
        assert_eq!(text, expected);
    }

    #[test]
    fn numbers_are_read_back() {
        for number in [0, 7, 1_000_000, u64::MAX] {
            let mut template = template(0);
            let frame = template.numbered(number);
            let body = &frame[frame.len() - 1 - NUMBER_BYTES..frame.len() - 1];
            assert_eq!(number_of(body), Some(number));
        }
    }

    #[test]
    fn last_body_is_marked() {
        let mut template = template(22);
        assert!(!is_last(body(template.numbered(1))));
        assert!(is_last(body(template.last(2))));
        assert_eq!(number_of(body(template.last(2))), Some(2));
    }

    fn body(frame: &[u8]) -> &[u8] {
        &frame[frame.len() - 23..frame.len() - 1]
    }

    #[test]
    fn other_bodies_have_no_number() {
        for body in ["", "1", "0000000000000000000x", "99999999999999999999"] {
            assert_eq!(number_of(body.as_bytes()), None, "{body}");
        }
    }
}
