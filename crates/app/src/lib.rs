//! The use cases of the online cinema: one struct an area, one file a use case.
