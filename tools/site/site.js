// Light or dark, the menu of narrow windows, the search, copying. Works from a folder, without a server.
"use strict";

const root = document.currentScript.dataset.root;

// --- light or dark: before anything is drawn ---------------------------------------------------------------------

const system = window.matchMedia("(prefers-color-scheme: dark)");

function remembered() {
    try {
        return localStorage.getItem("libnet-theme");
    } catch {
        return null; // pages from a folder may have no storage
    }
}

function show_theme(theme) {
    document.documentElement.dataset.theme = theme || (system.matches ? "dark" : "light");
}

show_theme(remembered());
system.addEventListener("change", () => show_theme(remembered()));

function switch_theme() {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
        localStorage.setItem("libnet-theme", theme);
    } catch { /* then for this page only */ }
    show_theme(theme);
}

// --- the search ----------------------------------------------------------------------------------------------------

function load_entries(then) {
    if (window.searchEntries) {
        then();
        return;
    }
    const script = document.createElement("script");
    script.src = root + "search.js";
    script.onload = then;
    document.head.append(script);
}

// TIME-WAIT is TIME_WAIT.
function plain(text) {
    return text.toLowerCase().replaceAll("-", "_");
}

// Every word must be found: in the heading it counts most, at the beginning of one more, in the text least.
function score(entry, words) {
    const [page, heading, text] = entry.slice(2).map(plain);
    let sum = 0;
    for (const word of words) {
        const bare = heading.replace(/^.*::/, "");
        if (heading === word || bare === word) sum += 100;
        else if (bare.startsWith(word)) sum += 50;
        else if (heading.includes(word)) sum += 25;
        else if (page.includes(word)) sum += 12;
        else if (text.includes(word)) sum += 5;
        else return 0;
    }
    if (entry[0].startsWith("ko/") === (document.documentElement.lang === "ko")) sum += 20;
    if (!entry[0].startsWith("reference/")) sum += 8;
    return sum - heading.length / 50;
}

function search(text) {
    const words = plain(text).replaceAll("libnet::", "").split(/[\s()]+/).filter(Boolean);
    if (words.length === 0) return null;
    return window.searchEntries.map(entry => [score(entry, words), entry]).filter(([points]) => points > 0)
        .sort((a, b) => b[0] - a[0]).slice(0, 15).map(([, entry]) => entry);
}

function show_results(list, found) {
    list.replaceChildren();
    list.hidden = found === null;
    for (const [page, anchor, title, heading, text] of found || []) {
        const link = document.createElement("a");
        link.href = root + page + (anchor ? "#" + anchor : "");
        link.append(heading || title);
        const small = document.createElement("small");
        small.textContent = (heading && heading !== title ? title + " · " : "") + text.slice(0, 120);
        link.append(small);
        const item = document.createElement("li");
        item.append(link);
        list.append(item);
    }
    if (found && found.length === 0) {
        const item = document.createElement("li");
        item.className = "nothing";
        item.textContent = "Nothing has all of these words.";
        list.append(item);
    }
}

function choose(list, step) {
    const links = [...list.querySelectorAll("a")];
    const at = links.findIndex(link => link.classList.contains("chosen"));
    links[at]?.classList.remove("chosen");
    const next = links[(at + step + links.length) % links.length];
    next?.classList.add("chosen");
    next?.scrollIntoView({ block: "nearest" });
}

function set_up_search() {
    const box = document.querySelector(".search input"), list = document.querySelector(".results");
    const update = () => load_entries(() => show_results(list, search(box.value)));
    box.addEventListener("input", update);
    box.addEventListener("focus", update);
    box.addEventListener("keydown", event => {
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            choose(list, event.key === "ArrowDown" ? 1 : -1);
            event.preventDefault();
        } else if (event.key === "Enter") {
            (list.querySelector(".chosen") || list.querySelector("a"))?.click();
        } else if (event.key === "Escape") {
            box.blur();
            list.hidden = true;
        }
    });
    document.addEventListener("keydown", event => {
        if (event.key === "/" && !event.target.closest("input")) {
            box.focus();
            event.preventDefault();
        }
    });
    document.addEventListener("click", event => {
        if (!event.target.closest(".search") || event.target.closest(".results a")) list.hidden = true;
    });
}

// --- the rest ------------------------------------------------------------------------------------------------------

function set_up_menu() {
    const button = document.querySelector(".menu"), menu = document.getElementById("pages");
    button.addEventListener("click", () => {
        button.setAttribute("aria-expanded", String(menu.classList.toggle("open")));
        window.scrollTo(0, 0);
    });
    const here = menu.querySelector("[aria-current]");
    if (here && here.offsetTop > menu.clientHeight) menu.scrollTop = here.offsetTop - menu.clientHeight / 2;
}

// What is typed is copied, without prompts and answers.
function text_of(block) {
    if (!block.classList.contains("console")) return block.textContent;
    return block.textContent.split("\n").filter(line => line.startsWith("$ ")).map(line => line.slice(2)).join("\n");
}

function set_up_copying() {
    for (const block of document.querySelectorAll("main pre.code:not(.source)")) {
        const frame = document.createElement("div"), button = document.createElement("button");
        frame.className = "block";
        button.className = "copy";
        button.textContent = "copy";
        button.addEventListener("click", () => navigator.clipboard?.writeText(text_of(block)).then(() => {
            button.textContent = "copied";
            setTimeout(() => { button.textContent = "copy"; }, 1500);
        }));
        block.replaceWith(frame);
        frame.append(block, button);
    }
}

function set_up_contents() {
    const links = new Map([...document.querySelectorAll(".contents a")].map(a => [a.hash.slice(1), a]));
    const watcher = new IntersectionObserver(seen => {
        for (const { target, isIntersecting } of seen) {
            if (!isIntersecting) continue;
            links.forEach(link => link.classList.remove("here"));
            links.get(target.id)?.classList.add("here");
        }
    }, { rootMargin: "-60px 0px -75% 0px" });
    for (const anchor of links.keys()) {
        const heading = document.getElementById(decodeURIComponent(anchor));
        if (heading) watcher.observe(heading);
    }
}

document.addEventListener("DOMContentLoaded", () => {
    document.querySelector(".theme").addEventListener("click", switch_theme);
    set_up_menu();
    set_up_search();
    set_up_copying();
    set_up_contents();
});
