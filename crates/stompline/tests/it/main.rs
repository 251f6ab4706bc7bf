//! Behaviour of the library through its public interface.

mod broker;
