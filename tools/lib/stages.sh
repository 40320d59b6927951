# Sourced by tools/test.sh: stages that are timed and logged, and whose results end in one summary of ctest's.
#
# A stage prints a line when it starts and one when it ends; what it said goes to build/logs/<stage>.log. A failed
# stage does not end the script, since the others may still have something to tell: `last_status` says how it went. One
# that ends with exit code 77 has tested nothing, for want of something that it names in its last line.

readonly LOGS=build/logs
readonly SKIPPED=77
stage_results=() # "name status", in the order of running
last_status=0

# run_stage NAME COMMAND [ARGUMENT]...   Never call it in a condition: there the shell ignores `set -e`.
run_stage() {
    local name=$1 start=$SECONDS
    shift
    mkdir -p "$LOGS"
    echo "$name: started at $(date +%H:%M:%S)"
    set +e
    (set -e; "$@") >"$LOGS/$name.log" 2>&1
    last_status=$?
    set -e
    stage_results+=("$name $last_status")
    if ((last_status == 0)); then
        echo "$name: passed in $((SECONDS - start)) s"
    elif ((last_status == SKIPPED)); then
        echo "$name: $(tail -n 1 "$LOGS/$name.log")"
    else
        echo "$name: FAILED after $((SECONDS - start)) s. The end of $LOGS/$name.log:"
        tail -n 60 "$LOGS/$name.log" | sed 's/^/    /'
    fi
}

# summary_of_everything BUILD_DIR: runs the tests of BUILD_DIR together with one test per stage, which repeats how the
# stage ended, so that ctest's summary covers everything. Its exit code is that of the whole run.
summary_of_everything() {
    local folder=build/summary result name status
    mkdir -p "$folder"
    {
        echo "subdirs(\"$PWD/$1\")"
        for result in "${stage_results[@]}"; do
            name=${result% *} status=${result#* }
            echo "add_test(stage.$name sh -c \"tail -n 60 '$PWD/$LOGS/$name.log'; exit $status\")"
            echo "set_tests_properties(stage.$name PROPERTIES LABELS stage SKIP_RETURN_CODE $SKIPPED)"
        done
    } >"$folder/CTestTestfile.cmake"
    ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$(($(nproc) + 1))"
}
