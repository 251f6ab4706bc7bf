//! SockJS and plain WebSocket endpoints over axum for any message handler.
