//! Who somebody is: the address, the name, the role.

pub mod email;
pub mod user;
