#!/usr/bin/env bash
set -euo pipefail

usage() {
    cat <<'END'
Usage: tools/docs.sh [--no-install] [FOLDER]

Builds the documentation into FOLDER, build/docs unless you say otherwise, and checks its links. Open index.html there
in a browser: no server is needed. What is missing is installed (Debian 12 or newer Debian/Ubuntu).

  --no-install   ends with code 77 if something is missing
END
}

main() {
    local install=yes folder=
    while (($# > 0)); do
        case $1 in
            --no-install) install= ;;
            --help | -h) usage; exit 0 ;;
            -*) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
            *) [[ -z $folder ]] || { usage >&2; exit 2; }; folder=$(realpath -m "$1") ;;
        esac
        shift
    done

    cd "$(dirname "$0")/.."
    source tools/lib/packages.sh
    if [[ -n $install ]]; then
        require_docs_packages
    elif ! have_docs_packages; then
        echo "skipped: Doxygen, or Python's markdown-it and Pygments, are not installed"
        exit 77
    fi

    build "${folder:-$PWD/build/docs}"
}

# A global, so that the trap sees it after main() has returned.
scratch=

build() {
    local folder=$1 top=$PWD
    if [[ -e $folder && -n $(ls -A "$folder") && ! -e $folder/search.js ]]; then
        echo "error: $folder is there and was not made by this script" >&2
        exit 2
    fi
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir "$scratch/site"
    "$DOCS_PYTHON" tools/site/header_filter.py libnet/include "$scratch/libnet/include"
    (cd "$scratch" && doxygen "$top/tools/site/Doxyfile" 2>&1) | sed "s|^$scratch/||" >&2 || {
        echo "error: a public name needs a comment: what it means, in which unit, and what the caller must know" >&2
        exit 1
    }
    "$DOCS_PYTHON" tools/site/build.py "$scratch/xml" "$scratch/site"
    "$DOCS_PYTHON" tools/checks/site_links.py "$scratch/site"
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    mv "$scratch/site" "$folder"
    echo "open $folder/index.html"
}

main "$@"
