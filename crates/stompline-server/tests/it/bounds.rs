//! What a client may take of the server before it is somebody: bytes, time and descriptors.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::binary::{Server, exchange, get, run, stompline};

/// Open files of the server that runs out of them.
const FILES: usize = 96;

/// A demonstration with small limits.
fn limited(limits: &[(&str, &str)]) -> (TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    for (limit, value) in limits {
        command.env(format!("STOMPLINE_LIMITS__{limit}"), value);
    }
    let server = Server::spawn(&mut command);
    (dir, server)
}

/// Sends bytes as they are; the answer to them, which is cut by the server's end of the connection.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    // The server may have seen enough before it has all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn long_head_is_refused() {
    let (_dir, server) = limited(&[("HEAD_BYTES", "16384")]);
    let fits = format!("X-Long: {}\r\n", "x".repeat(15_000));
    assert!(
        server
            .request("/healthz", &fits)
            .starts_with("HTTP/1.1 200 ")
    );
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}",
        "x".repeat(20_000)
    );
    let answer = raw(&server, long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn host_is_named_once() {
    let (_dir, server) = limited(&[]);
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let answer = raw(
            &server,
            format!("GET /healthz HTTP/1.1\r\n{hosts}\r\n").as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hosts:?}: {answer}");
    }
    let old = raw(&server, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(old.starts_with("HTTP/1.0 200 "), "{old}");
}

#[test]
fn nothing_but_http_1_is_spoken() {
    let (_dir, server) = limited(&[]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = raw(&server, preface);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1."),
        "{answer:?}"
    );
}

#[test]
fn body_that_does_not_come_is_answered() {
    let (dir, server) = limited(&[("BODY_TIMEOUT_S", "1")]);
    let token = ["token", "--user", "c1", "--type", "customer"];
    let token = run(dir.path(), &token).succeeded();
    for path in [
        "/api/v1/widget/session",
        "/demo/agent",
        &format!("/ws/chat/0/s/xhr?token={}", token.trim()),
    ] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{{");
        let answer = raw(&server, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
    }
}

#[test]
fn refused_body_leaves_the_connection_usable() {
    let (_dir, server) = limited(&[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let mut status = |path: &str, bytes: usize| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n");
        // In one piece: the server waits only so long for the rest of a body that it refuses.
        let mut sent = head.into_bytes();
        sent.resize(sent.len() + bytes, b'x');
        stream.write_all(&sent).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(!head.contains("connection: close"), "{head}");
        let length = head.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        head[9..12].to_owned()
    };
    for (path, expected) in [
        ("/api/v1/widget/session", "413"),
        ("/api/v1/messages", "401"),
        ("/ws/chat/0/s/xhr_send", "401"),
        ("/healthz", "405"),
        ("/nowhere", "404"),
    ] {
        assert_eq!(status(path, 300_000), expected, "{path}");
    }
}

#[test]
fn answer_says_when_no_other_one_follows() {
    let (_dir, server) = limited(&[]);
    let expecting = "Expect: 100-continue\r\n";
    for (bytes, header) in [(9, ""), (9, expecting), (2_000_000_000, "")] {
        let head =
            format!("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n{header}\r\n");
        let answer = raw(&server, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[test]
fn strangers_send_small_bodies() {
    let (_dir, server) = limited(&[]);
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(5_000));
    for path in ["/api/v1/widget/session", "/demo/agent"] {
        let answer = exchange(&server.address, &format!("POST {path}"), "", &body);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
        assert!(
            answer.contains("application/problem+json"),
            "{path}: {answer}"
        );
    }
}

#[test]
fn client_that_reads_no_answers_is_cut_off() {
    let (_dir, server) = limited(&[("WRITE_STALL_S", "1")]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let request = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    // It ends when the server has given up, or by the time limit.
    let error = loop {
        if let Err(error) = stream.write_all(&request) {
            break error;
        }
    };
    let cut = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(cut.contains(&error.kind()), "{error}");
}

#[test]
fn slow_body_does_not_hold_up_the_stop() {
    let (_dir, server) = limited(&[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_mins(1)))
        .unwrap();
    let head = "POST /api/v1/widget/session HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(asked, *b"HTTP/1.1 100 Continue\r\n\r\n");
    let outcome = server.stop();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        !outcome.stderr.contains("before every client had left"),
        "{outcome:?}"
    );
}

#[test]
fn shortage_of_descriptors_is_told_once_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let server = stompline(dir.path(), &["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {FILES} && exec \"$0\" \"$@\"")])
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(dir.path());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut server = Server::spawn(&mut command);
    let connect = || TcpStream::connect(&server.address).unwrap();
    let held: Vec<TcpStream> = (0..FILES).map(|_| connect()).collect();
    server.logged("no connection can be accepted");
    drop(held);
    let address = server.address.clone();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // Something has to be accepted.
                let _ = TcpStream::connect(&address);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        server.logged("connections are accepted again");
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(get(&address, "/healthz", "").starts_with("HTTP/1.1 200 "));
    let rest = server.stop();
    assert!(
        !rest.stderr.contains("no connection can be accepted"),
        "{rest:?}"
    );
}
