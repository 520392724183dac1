// Behaviour of both pages: sends what the user does to the API and shows its answer.
"use strict";

const find = (selector) => document.querySelector(selector);

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

/** Runs an action and shows what it says, or that it failed, in an output element. */
async function tell(output, action) {
  try {
    output.textContent = (await action()) ?? "";
  } catch (problem) {
    output.textContent = `Failed: ${problem.message}`;
  }
}

function startListPage() {
  const add = find("#add");
  add.addEventListener("submit", (event) => {
    event.preventDefault();
    tell(add.querySelector("output"), async () => {
      await ask("POST", "/api/records", Object.fromEntries(new FormData(add)));
      location.assign("/");
    });
  });

  const search = find("#search");
  search.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value;
    tell(search.querySelector("output"), async () => {
      const { records } = await ask("GET", `/api/search?q=${encodeURIComponent(words)}`);
      search.querySelector("ul").replaceChildren(...records.map(hit));
      return records.length ? `${records.length} found` : "Nothing found";
    });
  });
}

function hit(record) {
  const link = document.createElement("a");
  link.href = `/records/${record.id}`;
  link.textContent = record.title;
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function startRecordPage() {
  const { record, owner } = document.body.dataset;
  const path = `/api/records/${record}`;
  const form = find("#change");
  const status = form.querySelector("output");
  const archive = find("#archive");

  const isArchived = () => document.body.dataset.archived === "true";
  const nameArchiveButton = () => {
    archive.textContent = isArchived() ? "Unarchive" : "Archive";
  };
  nameArchiveButton();

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell(status, async () => {
      await ask("PATCH", path, {
        progress: Number(form.elements.progress.value),
        notes: form.elements.notes.value,
      });
      return "Saved";
    });
  });

  archive.addEventListener("click", () =>
    tell(status, async () => {
      const verb = isArchived() ? "unarchive" : "archive";
      const { archived } = await ask("POST", `${path}/${verb}`);
      document.body.dataset.archived = archived;
      nameArchiveButton();
    }),
  );

  find("#cheer").addEventListener("click", async () => {
    const { cheers, total } = await ask("POST", `${path}/cheers`);
    find("[data-testid=total]").textContent = total;
    find("[data-testid=cheers]").textContent = cheers;
  });

  const report = find("#report");
  report.addEventListener("click", () =>
    tell(find("[data-testid=report]"), async () => {
      const facts = await ask("GET", `/api/report?owner=${encodeURIComponent(owner)}`);
      return `${facts.finished} of ${facts.records} finished`;
    }),
  );
}

if (document.body.dataset.record) startRecordPage();
else startListPage();
