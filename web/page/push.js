// Alerts on this device: which areas, hazards and level; no account. The gateway's answer to
// subscribing is an id that is the secret; it is kept here, and for the worker beside it.
import { askStations, el, fold, lang, recall, remember } from "./tools.js";
import { words } from "./words.js";

const place = document.getElementById("subscribe");
const said = el("p", { role: "status", id: "push-said" });
const areasMax = 16;
const hazards = ["air", "rain", "wind", "heat", "water"];
let areas = [];
let form;

const isApple = /iP(hone|ad|od)/.test(navigator.userAgent) || (navigator.platform === "MacIntel" && navigator.maxTouchPoints > 1);
const isInstalled = matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;
const isAble = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function say(text) {
	said.textContent = text;
}

// --- the form ---------------------------------------------------------------------------

// Where an area has no name but its code, people know its stations.
function gather(stations) {
	const byArea = new Map();
	for (const station of stations)
		if (station.area)
			byArea.set(station.area, [...(byArea.get(station.area) ?? []), station.name]);
	const called = new Map(stations.filter(({ area, area_name: name }) => name && name !== area)
		.map(({ area, area_name: name }) => [area, name]));
	areas = [...byArea].map(([area, names]) => ({ area,
		name: called.get(area) ?? names.slice(0, 3).join(", ") + (names.length > 3 ? "…" : ""),
		key: fold(`${called.get(area) ?? ""} ${names.join(" ")} ${area}`) })).sort((a, b) => a.key.localeCompare(b.key));
}

function check(type, name, value, checked, label) {
	return el("label", { class: "check" }, el("input", { type, name, value, checked }), el("span", {}, label));
}

function areaChoice(wishes) {
	const list = el("div", { class: "choices" }, ...areas.map(({ area, name, key }) => {
		const row = check("checkbox", "area", area, wishes.areas?.includes(area), name);
		row.dataset.key = key;
		return row;
	}));
	const all = check("checkbox", "all", "all", !wishes.areas, words.allAreas);
	const filter = el("input", { type: "search", placeholder: words.filter, "aria-label": words.filter, input(event) {
		const text = fold(event.currentTarget.value.trim());
		for (const row of list.children)
			row.hidden = !row.dataset.key.includes(text);
	} });
	const narrow = el("div", {}, areas.length > 8 ? filter : null, list);
	all.querySelector("input").addEventListener("change", (event) => { narrow.hidden = event.currentTarget.checked; });
	narrow.hidden = !wishes.areas;
	return el("fieldset", {}, el("legend", {}, words.areas), all, narrow);
}

function quietChoice(quiet) {
	const time = (name, value) => el("input", { type: "time", name, value, "aria-label": `${words.quiet}: ${words[name]}` });
	return el("fieldset", {}, el("legend", {}, words.night),
		check("checkbox", "quiet", "quiet", quiet, words.quiet),
		el("p", { class: "row" }, `${words.quietFrom} `, time("quietFrom", quiet?.from ?? "22:00"), ` ${words.quietTo} `,
			time("quietTo", quiet?.to ?? "06:00")), el("small", {}, words.quietWhy));
}

function show() {
	const kept = recall("push");
	const wishes = kept?.wishes ?? { areas: areas.length > 1 ? [] : null, hazards: ["air", "rain"], level: "all", quiet_hours: null };
	form = el("form", { submit: save },
		areaChoice(wishes),
		el("fieldset", {}, el("legend", {}, words.what), ...hazards.map((hazard) =>
			check("checkbox", "hazard", hazard, wishes.hazards.includes(hazard), words.hazards[hazard]))),
		el("fieldset", {}, el("legend", {}, words.level),
			check("radio", "level", "all", wishes.level === "all", words.levelAll),
			check("radio", "level", "sensitive", wishes.level === "sensitive", words.levelSensitive)),
		quietChoice(wishes.quiet_hours),
		el("p", { class: "row" }, el("button", { class: "main", id: "push-save" }, kept ? words.change : words.subscribe),
			kept ? el("button", { type: "button", id: "push-stop", click: stop }, words.stop) : null),
		el("small", {}, words.privacy));
	place.querySelector("form")?.remove();
	place.append(form);
	if (!said.isConnected)
		place.append(said);
	if (kept && !said.textContent)
		say(words.on);
}

// What was chosen, or null when it cannot be, which is said.
function wishesOf() {
	const data = new FormData(form);
	const chosen = data.has("all") ? null : data.getAll("area");
	const kinds = data.getAll("hazard");
	const wrong = chosen?.length === 0 ? words.oneArea : chosen?.length > areasMax ? words.tooMany
		: kinds.length === 0 ? words.oneHazard : null;
	if (wrong) {
		say(wrong);
		return null;
	}
	return { areas: chosen, hazards: kinds, level: data.get("level"), language: lang,
		quiet_hours: data.has("quiet") ? { from: data.get("quietFrom"), to: data.get("quietTo") } : null };
}

// --- the gateway ------------------------------------------------------------------------

function ask(method, id, body) {
	return fetch(`/api/v1/subscriptions${id ? `/${encodeURIComponent(id)}` : ""}`, { method,
		headers: body ? { "Content-Type": "application/json" } : {}, body: body ? JSON.stringify(body) : undefined });
}

// The worker renews a subscription that the browser replaces; it cannot read localStorage.
async function keep(value) {
	remember("push", value);
	const cache = await caches.open("muabui-push");
	if (value)
		await cache.put("/push-kept", new Response(JSON.stringify(value)));
	else
		await cache.delete("/push-kept");
}

async function subscribe(wishes) {
	const { key } = await (await fetch("/api/v1/push-key")).json();
	const registration = await navigator.serviceWorker.ready;
	const options = { userVisibleOnly: true, applicationServerKey: key };
	let subscription;
	try {
		subscription = await registration.pushManager.subscribe(options);
	} catch (error) {
		// One of another key is in the way.
		if (error.name !== "InvalidStateError")
			throw error;
		await (await registration.pushManager.getSubscription())?.unsubscribe();
		subscription = await registration.pushManager.subscribe(options);
	}
	const answer = await ask("POST", "", { ...subscription.toJSON(), ...wishes });
	if (answer.status !== 201)
		throw new Error(`status ${answer.status}: ${(await answer.json()).detail}`);
	return (await answer.json()).id;
}

async function change(id, wishes) {
	const answer = await ask("PATCH", id, wishes);
	if (answer.status === 404 || answer.status === 410) {
		await keep(null);
		show();
		say(words.lost);
		return;
	}
	if (answer.status !== 204)
		throw new Error(`status ${answer.status}`);
	await keep({ id, wishes });
	say(words.saved);
}

async function save(event) {
	event.preventDefault();
	const wishes = wishesOf();
	if (!wishes)
		return;
	const button = form.querySelector("#push-save");
	button.disabled = true;
	try {
		const kept = recall("push");
		if (kept) {
			await change(kept.id, wishes);
		} else if (await Notification.requestPermission() !== "granted") {
			say(words.denied);
		} else {
			await keep({ id: await subscribe(wishes), wishes });
			say(words.on);
			show();
		}
	} catch (error) {
		console.warn("subscribing:", error.message);
		say(words.trouble);
	}
	button.disabled = false;
}

async function stop() {
	try {
		const answer = await ask("DELETE", recall("push").id);
		if (answer.status !== 204 && answer.status !== 404 && answer.status !== 410)
			throw new Error(`status ${answer.status}`);
		const registration = await navigator.serviceWorker.ready;
		await (await registration.pushManager.getSubscription())?.unsubscribe();
		await keep(null);
		say(words.stopped);
		show();
	} catch (error) {
		console.warn("unsubscribing:", error.message);
		say(words.trouble);
	}
}

// --- whether it can be -------------------------------------------------------------------

function showAppleSteps() {
	const [first, ...steps] = words.ios;
	place.append(el("p", {}, first), el("ol", {}, ...steps.map((step) => el("li", {}, step))));
}

// The permission may have been taken back meanwhile: then nothing would come, silently.
async function lookAfter() {
	if (!recall("push"))
		return;
	const registration = await navigator.serviceWorker.ready;
	if (Notification.permission === "granted" && await registration.pushManager.getSubscription())
		return;
	await ask("DELETE", recall("push").id).catch(() => {});
	await keep(null);
	show();
	say(words.lost);
}

async function start() {
	// Without a channel for it, the gateway has no key: nothing is offered.
	const key = await fetch("/api/v1/push-key").catch(() => null);
	if (!key?.ok)
		return;
	place.hidden = false;
	if (isApple && !isInstalled) {
		showAppleSteps();
		return;
	}
	if (!isAble) {
		place.append(el("p", {}, words.unable));
		return;
	}
	gather(await askStations());
	show();
	await lookAfter();
}
start().catch((error) => console.warn("push:", error.message));
