//! WebSocket frames (RFC 6455), server and client side, without I/O.
