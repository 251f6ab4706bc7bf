//! An HTTP client that shows every octet: chunk by chunk, and without a will of its own.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// One request under way, and its answer.
pub(crate) struct Answer {
    stream: BufReader<TcpStream>,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
}

impl Answer {
    /// Sends `start` (request line and further headers, without `Host`) and `body`, and reads the head of the answer.
    pub(crate) async fn to(address: SocketAddr, start: &str, body: &str) -> Self {
        let mut answer = Self::sent(address, start, body).await;
        answer.read_head().await;
        answer
    }

    /// Sends a request and reads nothing yet.
    pub(crate) async fn sent(address: SocketAddr, start: &str, body: &str) -> Self {
        Self::begun(address, start, body.len(), body).await
    }

    /// Sends a request with the beginning of a body of `length`.
    pub(crate) async fn begun(address: SocketAddr, start: &str, length: usize, body: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let text = format!("{start}\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        Self {
            stream: BufReader::new(stream),
            head: String::new(),
        }
    }

    pub(crate) async fn read_head(&mut self) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).await.unwrap(), 0, "{head}");
        }
        self.head = head.to_ascii_lowercase();
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// A header's value in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The next chunk; `None` at the end of the body.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        assert_eq!(
            self.header("transfer-encoding"),
            Some("chunked"),
            "{}",
            self.head
        );
        let mut size = String::new();
        self.stream.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk).await.unwrap();
        chunk.truncate(size);
        (size > 0).then(|| String::from_utf8(chunk).unwrap())
    }

    /// Checks the next chunk.
    pub(crate) async fn expect(&mut self, chunk: &str) {
        assert_eq!(self.chunk().await.as_deref(), Some(chunk));
    }

    /// Checks that the body ends here.
    pub(crate) async fn expect_end(&mut self) {
        assert_eq!(self.chunk().await, None);
    }

    /// The whole body, however it is delimited.
    pub(crate) async fn body(&mut self) -> String {
        if let Some(length) = self.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
            return String::from_utf8(body).unwrap();
        }
        let mut body = String::new();
        if self.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await {
                body.push_str(&chunk);
            }
        } else if self.status() != 204 && self.status() != 304 {
            self.stream.read_to_string(&mut body).await.unwrap();
        }
        body
    }
}

/// One POST; gives status and body.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut answer = Answer::to(address, &format!("POST {path} HTTP/1.1"), body).await;
    (answer.status(), answer.body().await)
}

/// One GET; gives status and body.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut answer = Answer::to(address, &format!("GET {path} HTTP/1.1"), "").await;
    (answer.status(), answer.body().await)
}

/// Whatever was answered, nobody may keep it.
pub(crate) fn assert_not_cached(answer: &Answer) {
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store, no-cache, no-transform, must-revalidate, max-age=0")
    );
    assert_eq!(answer.header("expires"), None);
    assert_eq!(answer.header("last-modified"), None);
}
