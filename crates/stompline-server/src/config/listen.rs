//! Keys outside a table: where the server listens and keeps its files.

use super::key::{Key, Preset};
use super::kind::Kind;

pub(super) const KEYS: &[Key] = &[
    Key {
        path: "listen",
        kind: Kind::Address,
        preset: Preset::Text("127.0.0.1:8080"),
        meaning: "The address and port of the server; port 0 takes a free one, which is printed. \
                  The default is reachable from this machine only, because tokens should not cross \
                  a network without TLS: put a proxy that speaks TLS in front.",
    },
    Key {
        path: "data",
        kind: Kind::Path,
        preset: Preset::Text("./stompline-data"),
        meaning: "The directory of the embedded store and of the generated secret. It is created \
                  for its owner only. Relative paths, here and below, start at the working directory.",
    },
    Key {
        path: "trusted_proxies",
        kind: Kind::List(&Kind::Network),
        preset: Preset::List(&[]),
        meaning: "The proxies whose X-Forwarded-For header says where a client comes from. From \
                  anybody else the header is ignored, because every client can write it.",
    },
];
