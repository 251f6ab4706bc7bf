/// What a [`Decoder`](super::Decoder) accepts. Octets are counted as they come over the wire, escapes
/// included; a limit is the greatest value still accepted.
///
/// ```
/// use stompline_proto::DecodeLimits;
///
/// let limits = DecodeLimits::default().frame_bytes_max(1024 * 1024).headers_max(64);
/// assert_eq!(limits.frame_bytes_max, 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Octets of a frame from the first of its command to its NUL. Default 65,536: the figure
    /// clients of Spring are used to, and enough for text; larger things belong in uploads.
    pub frame_bytes_max: usize,
    /// The same for a server that has not read a CONNECT yet. Default 16,384: four times a large
    /// token, since these octets come from anybody.
    pub frame_bytes_max_before_connect: usize,
    /// Headers of a frame, repeated ones included. Default 32: several times what clients send.
    pub headers_max: usize,
    /// Octets of a header's name. Default 256.
    pub header_name_bytes_max: usize,
    /// Octets of a header's value. Default 4,096: tokens of identity providers fit.
    pub header_value_bytes_max: usize,
}

impl DecodeLimits {
    /// Sets [`DecodeLimits::frame_bytes_max`].
    pub const fn frame_bytes_max(mut self, bytes: usize) -> Self {
        self.frame_bytes_max = bytes;
        self
    }

    /// Sets [`DecodeLimits::frame_bytes_max_before_connect`].
    pub const fn frame_bytes_max_before_connect(mut self, bytes: usize) -> Self {
        self.frame_bytes_max_before_connect = bytes;
        self
    }

    /// Sets [`DecodeLimits::headers_max`].
    pub const fn headers_max(mut self, headers: usize) -> Self {
        self.headers_max = headers;
        self
    }

    /// Sets [`DecodeLimits::header_name_bytes_max`].
    pub const fn header_name_bytes_max(mut self, bytes: usize) -> Self {
        self.header_name_bytes_max = bytes;
        self
    }

    /// Sets [`DecodeLimits::header_value_bytes_max`].
    pub const fn header_value_bytes_max(mut self, bytes: usize) -> Self {
        self.header_value_bytes_max = bytes;
        self
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 * 1024,
            frame_bytes_max_before_connect: 16 * 1024,
            headers_max: 32,
            header_name_bytes_max: 256,
            header_value_bytes_max: 4096,
        }
    }
}
