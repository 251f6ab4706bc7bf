//! What several tests need.

use stompline::{
    Builder, DestinationPattern, Prefixes, Stompline,
    access::{AccessRule, AccessRules, Action, Target, Who},
    testing::{TestApp, TestClient},
};
use stompline_proto::{Command, Frame};
use tokio::io::DuplexStream;

pub(crate) type Client = TestClient<DuplexStream>;

/// An application in which everybody may SEND to `/topic/open.*`.
pub(crate) fn open_broker() -> Builder<()> {
    let target = Target::Pattern(DestinationPattern::parse("/topic/open.*").unwrap());
    let rule = AccessRule::allow(Who::Anyone, target).on(Action::Send);
    let access = AccessRules::builder(&Prefixes::default())
        .first(rule)
        .build();
    Stompline::builder().access(access)
}

pub(crate) fn test_app(builder: Builder<()>) -> TestApp {
    TestApp::new(builder.build().unwrap())
}

pub(crate) fn frame(command: Command, headers: &[(&str, &str)]) -> Frame {
    headers
        .iter()
        .fold(Frame::new(command), |frame, (name, value)| {
            frame.header(name, value)
        })
}

pub(crate) fn header<'a>(frame: &'a Frame, name: &str) -> &'a str {
    frame
        .headers
        .find(name)
        .unwrap_or_else(|| panic!("{name} in {frame:?}"))
}
