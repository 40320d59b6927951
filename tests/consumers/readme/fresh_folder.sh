#!/bin/sh
# fresh_folder.sh FOLDER: what somebody has who read the README: a clone of libnet, and beside it the folder my_server
# with the files that the README shows. Where the program says 127.0.0.1:9000, its copy takes the environment variable
# ADDRESS, because a test must not need a port that somebody else may have.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
rm -rf "$1"
mkdir -p "$1/libnet" "$1/my_server"
cd "$1"
for part in CMakeLists.txt LICENSE conanfile.py libnet packaging tests; do
    cp -R "$top/$part" libnet
done
cp "$here/CMakeLists.txt" "$here/conanfile.txt" my_server
{
    echo '#include <cstdlib>'
    sed 's/"127.0.0.1:9000"/std::getenv("ADDRESS")/' "$here/../main.cpp"
} >my_server/main.cpp
