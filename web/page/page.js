// Fetches the page again now and then and puts the new stations in place of the old.
// When that fails for a while, it says so: what is on the screen grows old.

const every = 30000;
const timeout = 20000;
const patience = 90000;

const offline = document.getElementById("offline");
let latest = Date.now();
let busy = false;

async function load() {
	const abort = new AbortController();
	const timer = setTimeout(() => abort.abort(), timeout);
	try {
		const answer = await fetch(location.href, { cache: "no-store", signal: abort.signal });
		if (!answer.ok)
			throw new Error(`status ${answer.status}`);
		return new DOMParser().parseFromString(await answer.text(), "text/html");
	} finally {
		clearTimeout(timer);
	}
}

async function refresh() {
	if (busy)
		return;
	busy = true;
	try {
		const fresh = await load();
		for (const part of ["main", "footer"])
			document.querySelector(part).replaceWith(fresh.querySelector(part));
		latest = Date.now();
	} catch (error) {
		console.warn("refresh:", error);
	}
	busy = false;
	const late = Date.now() - latest > patience;
	offline.hidden = !late;
	document.querySelector("main").classList.toggle("late", late);
}

setInterval(() => {
	if (!document.hidden)
		refresh();
}, every);

document.addEventListener("visibilitychange", () => {
	if (!document.hidden && Date.now() - latest > every)
		refresh();
});
