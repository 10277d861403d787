//! Rate limits, and delays after failed sign-ins: implementations of the ports of `domain::throttle` that count in the
//! memory of one node ([`MemoryThrottle`]), or in a Redis that several nodes share ([`RedisThrottle`]).

mod link;
mod memory;
mod shared;

pub use self::{link::InvalidRedisUrl, memory::MemoryThrottle, shared::RedisThrottle};
