# Completion of ./retail for fish. The launcher prints what the last of these words may become.
function __retail_words
    set --local before (commandline --tokenize --cut-at-cursor --current-process)
    set --local launcher (string replace --regex '^~' $HOME $before[1])
    $launcher --words $before[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command retail --no-files --arguments '(__retail_words)'
complete --command retail --condition 'not count (__retail_words) >/dev/null' --force-files
