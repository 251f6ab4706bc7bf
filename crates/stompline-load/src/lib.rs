//! Load generator and measuring client for STOMP over WebSocket servers.
