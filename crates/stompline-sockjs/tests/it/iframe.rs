//! The page in the hidden frame (SockJS protocol, "IFrame page").

use crate::{
    client::{Answer, get},
    server::{Server, settings},
};

#[tokio::test]
async fn page_loads_the_library_that_was_named() {
    let library = "/js/sockjs.js?a=1&b=\"2\"";
    let server = Server::with(settings().client_library(Some(library))).await;
    for path in [
        "iframe.html",
        "iframe-a.html?t=1",
        "iframe-0.1.2abc-dirty.2144.html",
    ] {
        let mut page = Answer::to(server.address, &format!("GET /echo/{path} HTTP/1.1"), "").await;
        assert_eq!(page.status(), 200);
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(
            page.header("cache-control"),
            Some("public, max-age=31536000")
        );
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert!(page.header("expires").is_some() && page.header("last-modified").is_none());
        let etag = page.header("etag").unwrap().to_owned();
        let body = page.body().await;
        assert!(
            body.contains("<script src=\"/js/sockjs.js?a=1&amp;b=&quot;2&quot;\"></script>"),
            "{body}"
        );
        assert!(body.starts_with("<!DOCTYPE html>\n") && body.ends_with("</html>"));
        let start = format!("GET /echo/{path} HTTP/1.1\r\nIf-None-Match: {etag}");
        let mut known = Answer::to(server.address, &start, "").await;
        assert_eq!((known.status(), known.header("content-type")), (304, None));
        assert_eq!(known.body().await, "");
    }
}

#[tokio::test]
async fn page_is_not_there_without_a_library() {
    let server = Server::start().await;
    assert_eq!(get(server.address, "/echo/iframe.html").await.0, 404);
}
