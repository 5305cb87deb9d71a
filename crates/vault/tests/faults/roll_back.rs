//! roll_back
