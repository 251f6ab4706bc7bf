use thiserror::Error;

use crate::{Command, Frame, Version};

/// Why octets are not a frame. The texts name limits and never repeat what the peer sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The frame is, or says that it will be, larger than allowed.
    #[error("the frame is too large, at most {bytes_max} octets are allowed")]
    FrameTooLarge {
        /// The limit from the first octet of the command to the NUL.
        bytes_max: usize,
    },
    /// The frame has more headers than allowed.
    #[error("the frame has too many headers, at most {headers_max} are allowed")]
    TooManyHeaders {
        /// The limit, repeated headers included.
        headers_max: usize,
    },
    /// No colon came within the length that a header's name may have.
    #[error("the name in header line {line} is too long, at most {bytes_max} octets are allowed")]
    HeaderNameTooLong {
        /// Which header of the frame, from 1.
        line: usize,
        /// The limit before the colon.
        bytes_max: usize,
    },
    /// A header's value is longer than allowed.
    #[error("the value in header line {line} is too long, at most {bytes_max} octets are allowed")]
    HeaderValueTooLong {
        /// Which header of the frame, from 1.
        line: usize,
        /// The limit between the colon and the line's end.
        bytes_max: usize,
    },
    /// The first line is not a command. Commands are in capitals, without blanks.
    #[error("unknown command, a frame starts with a STOMP command in capital letters such as SEND")]
    UnknownCommand,
    /// A header line has no colon.
    #[error("header line {line} has no colon between name and value")]
    MissingColon {
        /// Which header of the frame, from 1.
        line: usize,
    },
    /// A header line starts with its colon.
    #[error("header line {line} has an empty name")]
    EmptyHeaderName {
        /// Which header of the frame, from 1.
        line: usize,
    },
    /// A CR that no LF follows.
    #[error("a CR may stand only before LF outside of the body")]
    LoneCarriageReturn,
    /// A NUL came before the blank line that ends the headers.
    #[error("the frame ended before the blank line that follows the headers")]
    NulInHead,
    /// A header holds an escape that its version does not have.
    #[error(
        "undefined escape in header line {line}, behind a backslash STOMP {version} allows {}",
        escapes(*version)
    )]
    BadEscape {
        /// Which header of the frame, from 1.
        line: usize,
        /// The version of the session.
        version: Version,
    },
    /// The command or a header is not UTF-8.
    #[error("command and headers must be UTF-8")]
    BadUtf8,
    /// `content-length` is not a number of octets.
    #[error("content-length must be a number of octets, written in decimal digits only")]
    BadContentLength,
    /// No NUL stands where the body ends according to `content-length`.
    #[error("no NUL follows the {bytes} octets of content-length, which counts octets of UTF-8")]
    MissingNul {
        /// What `content-length` said.
        bytes: usize,
    },
    /// A frame has a body whose command allows none.
    #[error("{command} must not have a body, only SEND, MESSAGE and ERROR may")]
    BodyNotAllowed {
        /// The command of the frame.
        command: Command,
    },
}

impl DecodeError {
    /// A stable name for programs, as the `code` header of an ERROR frame carries it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FrameTooLarge { .. } => "frame_too_large",
            Self::TooManyHeaders { .. } => "too_many_headers",
            Self::HeaderNameTooLong { .. } | Self::HeaderValueTooLong { .. } => "header_too_large",
            Self::UnknownCommand => "unknown_command",
            Self::MissingColon { .. }
            | Self::EmptyHeaderName { .. }
            | Self::LoneCarriageReturn
            | Self::NulInHead => "malformed_frame",
            Self::BadEscape { .. } => "bad_escape",
            Self::BadUtf8 => "bad_utf8",
            Self::BadContentLength | Self::MissingNul { .. } => "bad_content_length",
            Self::BodyNotAllowed { .. } => "body_not_allowed",
        }
    }

    /// The ERROR frame that tells the peer; `receipt` is [`Decoder::failed_receipt`].
    ///
    /// [`Decoder::failed_receipt`]: super::Decoder::failed_receipt
    pub fn to_frame(&self, receipt: Option<&str>) -> Frame {
        let message = self.to_string();
        let body = format!("{message}\nSTOMP 1.2, \"{}\"\n", self.section());
        Frame::error(self.code(), &message, receipt).body(body)
    }

    /// The section of the STOMP 1.2 text which says what is right.
    const fn section(&self) -> &'static str {
        match self {
            Self::FrameTooLarge { .. }
            | Self::TooManyHeaders { .. }
            | Self::HeaderNameTooLong { .. }
            | Self::HeaderValueTooLong { .. } => "Size Limits",
            Self::UnknownCommand => "STOMP Frames",
            Self::MissingColon { .. }
            | Self::EmptyHeaderName { .. }
            | Self::LoneCarriageReturn
            | Self::NulInHead => "Augmented BNF",
            Self::BadEscape { .. } | Self::BadUtf8 => "Value Encoding",
            Self::BadContentLength | Self::MissingNul { .. } => "Header content-length",
            Self::BodyNotAllowed { .. } => "Body",
        }
    }
}

/// In words: clients are known to read an escaped backslash in a header wrongly.
const fn escapes(version: Version) -> &'static str {
    match version {
        Version::V1_0 => "nothing",
        Version::V1_1 => "n, c or a backslash",
        Version::V1_2 => "r, n, c or a backslash",
    }
}
