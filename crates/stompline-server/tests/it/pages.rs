use crate::binary::{Server, stompline};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn desk_is_told_where_its_tokens_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = stompline(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("STOMPLINE_AUTH__SECRETS", SECRET);
    let server = Server::spawn(&mut command);
    let told = server.request("/desk/settings.json", "");
    assert!(
        told.ends_with(r#"{"tokenUrl":null,"signInUrl":null}"#),
        "{told}"
    );
    server.stop();

    command
        .env(
            "STOMPLINE_DESK__TOKEN_URL",
            "https://staff.example/token?a=b",
        )
        .env("STOMPLINE_DESK__SIGN_IN_URL", "/sign-in");
    let server = Server::spawn(&mut command);
    let told = server.request("/desk/settings.json", "");
    assert!(told.contains("cache-control: no-store\r\n"), "{told}");
    let expected = r#"{"tokenUrl":"https://staff.example/token?a=b","signInUrl":"/sign-in"}"#;
    assert!(told.ends_with(expected), "{told}");
}
