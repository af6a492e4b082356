#!/usr/bin/awk -f
# No include runs upwards, or from one wing into another. Tests may include everything.
BEGIN {
	split("core config store wing web gateway", floors)
	for (i in floors)
		height[floors[i]] = i
	split("sensors derive alerts outputs", wings)
	for (i in wings)
		height[wings[i]] = height["wing"]
	delete height["wing"]
}

FNR == 1 {
	room = FILENAME
	sub(/\/.*/, "", room)
}

/^[ \t]*#[ \t]*include[ \t]*"/ && room in height {
	split($0, quoted, "\"")
	other = quoted[2]
	if (other !~ /\//) {
		printf "%s:%d: \"%s\": include paths begin at the root\n", FILENAME, FNR, other
		bad = 1
		next
	}
	sub(/\/.*/, "", other)
	if (!(other in height)) {
		printf "%s:%d: %s/ is no room\n", FILENAME, FNR, other
		bad = 1
	} else if (height[other] > height[room]) {
		printf "%s:%d: %s/ includes %s/, which is above it\n", FILENAME, FNR, room, other
		bad = 1
	} else if (height[other] == height[room] && other != room) {
		printf "%s:%d: %s/ includes %s/, another wing\n", FILENAME, FNR, room, other
		bad = 1
	}
}

END { exit bad }
