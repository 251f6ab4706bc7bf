//! Customer-service live chat on Stompline: conversations, queue, delivery and read state.
