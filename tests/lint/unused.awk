#!/usr/bin/awk -f
# A function that a header declares is one that others call: some other file of the
# product, or, where a test wants a part of it, its own file and a test. What only tests
# call is listed here: the clock and the log are seams, a configuration need not be a file
# nor a port be known before, and RFC 8291's example fixes what is random otherwise.
BEGIN {
	split("clock_pretend clock_freeze_plainly log_set_sink" \
	      " config_load_text web_port" \
	      " push_encrypt_with", names, " ")
	for (i in names)
		seam[names[i]] = 1
}

FNR == 1 {
	comment = 0
	header = FILENAME ~ /\.h$/ && FILENAME !~ /^tests\//
	test = FILENAME ~ /^tests\//
}

{
	line = $0
	gsub(/"([^"\\]|\\.)*"/, "", line)
	if (comment) {
		if (!sub(/^.*\*\//, "", line))
			next
		comment = 0
	}
	gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
	if (sub(/\/\*.*/, "", line))
		comment = 1
	declared = ""
	if (header && line ~ /^[a-z].*[ *][a-z][a-z0-9_]*\(/ &&
		line !~ /^(static|typedef|enum \{|struct [a-z_]* \{)/) {
		declared = line
		sub(/\(.*/, "", declared)
		sub(/.*[ *]/, "", declared)
		if (!(declared in where))
			where[declared] = FILENAME ":" FNR
	}
	count = split(line, words, /[^A-Za-z0-9_]+/)
	for (i = 1; i <= count; i++)
		if (words[i] ~ /^[a-z]/ && words[i] != declared)
			note(words[i])
}

function note(word)
{
	if (test) {
		tests[word] = 1
	} else {
		uses[word]++
		if (!((word, FILENAME) in seen)) {
			seen[word, FILENAME] = 1
			files[word]++
		}
	}
}

END {
	for (name in where) {
		if (name in seam || files[name] > 1)
			continue
		if (uses[name] < 2)
			printf "%s: %s(): nobody calls it\n", where[name], name
		else if (!(name in tests))
			printf "%s: %s(): only its own file calls it: static\n", \
				where[name], name
		else
			continue
		bad = 1
	}
	exit bad
}
