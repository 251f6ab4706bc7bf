//! STOMP over WebSocket and SockJS for axum: destinations, broker, handlers, users, events.
