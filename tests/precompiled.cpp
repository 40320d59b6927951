// Compiled to have the precompiled header, which the tests share.
