// Starts on every page: remembers the language, keeps what is shown fresh and its ages true,
// and fetches what the page at hand needs.
import { age, ask, isCached, lang, now, recall, remember, root, setClock } from "./tools.js";

const every = 30000;
const patience = 90000;
const kiosk = new URLSearchParams(location.search).has("kiosk");

// --- language: the one chosen by the switch is kept --------------------------------------

document.querySelector(".tongue")?.addEventListener("click", (event) =>
	remember("lang", event.currentTarget.lang));

function takeLanguage() {
	const address = new URL(location.href);
	if (address.searchParams.has("lang") || (recall("lang") ?? "vi") === lang)
		return;
	address.searchParams.set("lang", recall("lang"));
	location.replace(address);
}
takeLanguage();

// --- ages -----------------------------------------------------------------------------------

function tellAges() {
	for (const time of document.querySelectorAll(".age time"))
		time.textContent = age(now() - Date.parse(time.dateTime));
}

// --- refreshing ----------------------------------------------------------------------------

const offline = document.getElementById("offline");
let latest = isCached() ? 0 : Date.now();
let busy = false;

function showState() {
	const late = Date.now() - latest > patience;
	offline.hidden = !late;
	root.classList.toggle("late", late);
}

// What has not changed stays: focus, open details, and nothing is read out again.
function replace(old, fresh) {
	if (!fresh || old.innerHTML === fresh.innerHTML)
		return;
	const open = [...old.querySelectorAll("details")].map((details) => details.open);
	fresh.querySelectorAll("details").forEach((details, i) => { details.open = open[i] ?? false; });
	const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
	old.replaceChildren(...fresh.childNodes);
	if (focused)
		old.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh() {
	if (busy)
		return;
	busy = true;
	try {
		const answer = await ask(location.href, { cache: "no-cache" });
		if (!answer.cached) {
			const fresh = new DOMParser().parseFromString(answer.text, "text/html");
			for (const part of document.querySelectorAll(".live, #updated"))
				replace(part, fresh.getElementById(part.id));
			setClock(Number(fresh.documentElement.dataset.now));
			latest = Date.now();
			delete root.dataset.cached;
			document.dispatchEvent(new Event("refreshed"));
		}
	} catch (error) {
		console.warn("refresh:", error.message);
	}
	busy = false;
	tellAges();
	showState();
}

function startRefreshing() {
	tellAges();
	showState();
	setInterval(() => {
		tellAges();
		showState();
		if (!document.hidden && Date.now() - latest >= every)
			refresh();
	}, 5000);
	for (const type of ["visibilitychange", "online"])
		addEventListener(type, () => !document.hidden && Date.now() - latest > every / 2 && refresh(), true);
	if (isCached())
		refresh();
}

// --- what else the page has ------------------------------------------------------------------

async function keepForOffline() {
	if (!("serviceWorker" in navigator))
		return;
	try {
		await navigator.serviceWorker.register("/sw.js");
		const registration = await navigator.serviceWorker.ready;
		const files = performance.getEntriesByType("resource").map((entry) => entry.name)
			.filter((name) => name.startsWith(`${location.origin}/assets/`));
		// The browser renewed its subscription: the worker has the new id.
		navigator.serviceWorker.addEventListener("message", (event) =>
			event.data?.push && remember("push", event.data.push));
		registration.active.postMessage({ keep: [location.href, ...files] });
	} catch (error) {
		console.warn("worker:", error.message);
	}
}

const modules = {
	home: () => import("./finder.js"),
	station: () => import("./charts.js"),
	alerts: () => import("./push.js"),
};

if (kiosk) {
	import("./kiosk.js");
} else {
	startRefreshing();
	modules[document.body.dataset.page]?.();
}
addEventListener("load", () => setTimeout(keepForOffline, 500));
