//! The online cinema's rules, values and ports. Pure: no runtime, no database, no web.
