//! The workspace's crates depend on one another in one direction only.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

const ALLOWED: [(&str, &[&str]); 8] = [
    ("stompline-proto", &[]),
    ("stompline-ws", &[]),
    ("stompline-sockjs", &["stompline-ws"]),
    ("stompline", &["stompline-proto", "stompline-sockjs"]),
    ("stompline-redis", &["stompline"]),
    ("stompline-chat", &["stompline"]),
    (
        "stompline-server",
        &[
            "stompline",
            "stompline-chat",
            "stompline-proto",
            "stompline-redis",
            "stompline-ws",
        ],
    ),
    (
        "stompline-load",
        &["stompline", "stompline-proto", "stompline-ws"],
    ),
];

#[test]
fn crates_depend_in_one_direction() {
    let metadata = MetadataCommand::new()
        .no_deps()
        .other_options(["--offline".into()])
        .exec()
        .unwrap();
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let permitted = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the list"));
        for dependency in &package.dependencies {
            let inside = dependency.name.starts_with("stompline");
            if inside && dependency.kind == DependencyKind::Normal {
                assert!(
                    permitted.contains(&dependency.name.as_str()),
                    "{name} may not depend on {}",
                    dependency.name
                );
            }
        }
    }
}
