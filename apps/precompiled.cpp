// Compiled to have the precompiled header, which the programs share.
