//! Documents on paper, and the data that lies inside of them.

pub mod cii;
