// The first hour with the API, as a front end would spend it: everything below is typed by openapi.json, nothing is cast.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Operation = components["schemas"]["Operation"];

const { KLAAR_URL: baseUrl = "", KLAAR_KEY: key = "" } = process.env;
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const list = `Naam;Ondernemingsnummer;Gemeente;Taal
Bakkerij Peeters;0403.227.515;Gent;nl
Garage Claes;0417497106;Gent;nl
Boulangerie Dupont;;Liège;fr
Slagerij Maes;0403227516;Gent;nl
`;

/** The answer, or what the problem document says is wrong. */
async function answer<T>(asked: Promise<{ data?: T; error?: components["schemas"]["Problem"] }>): Promise<T> {
  const { data, error } = await asked;
  if (error) throw new Error([error.title, ...error.errors.map((one) => `${one.pointer}: ${one.message}`)].join(" "));
  assert(data !== undefined, "an answer without a body");
  return data;
}

/** Longer work, once it is over. */
async function finished(started: Operation): Promise<Operation> {
  for (let tries = 0; tries < 300; tries++) {
    const now = await answer(api.GET("/v1/operations/{id}", { params: { path: { id: started.id } } }));
    if (now.status === "finished") return now;
    if (now.status === "failed") throw new Error(now.problem?.title);
    await new Promise((resume) => setTimeout(resume, 100));
  }
  throw new Error(`${started.kind} does not come to its end`);
}

const upload = { bodySerializer: (text: string) => text, headers: { "Content-Type": "text/csv" }, body: list };
const taking = await finished(await answer(api.POST("/v1/client-imports", upload)));
assert(taking.kind === "client_import" && taking.result);
const taken = taking.result;
assert.deepEqual([taken.created, taken.rejected], [3, 1]);
const ofImport = { path: { id: taken.import_id }, query: { weight: "rejected" as const } };
const { items: [refused] } = await answer(api.GET("/v1/client-imports/{id}/findings", { params: ofImport }));
console.log(`import: ${taken.created} created; line ${refused?.line} refused: ${refused?.reason}`);

const category = await answer(api.POST("/v1/field-categories", { body: { names: { nl: "Dossier", fr: "Dossier" } } }));
const field = await answer(
  api.POST("/v1/fields", {
    body: { category_id: category.id, name: "Pakket", kind: "choice", options: ["Exact", "Octopus"] },
  }),
);
const column = `fields.${field.slug}`;
console.log(`field: ${column}, a ${field.kind} of ${field.options.map((option) => option.label).join(", ")}`);

const { items: [client], total } = await answer(api.GET("/v1/clients", { params: { query: { search: "peeters" } } }));
assert(client && total === 1);
const ifMatch = { path: { id: client.id }, header: { "If-Match": `"${client.revision}"` } };
const patched = await answer(
  api.PATCH("/v1/clients/{id}", { params: ifMatch, body: { fields: { [field.slug]: "exact" } } }),
);
const value = patched.fields[field.slug];
assert(typeof value === "object" && "label" in value && value.label === "Exact");
console.log(`PATCH: ${patched.name} has ${value.label}`);

const view = await answer(
  api.POST("/v1/views", {
    body: {
      name: "Gent",
      filter: { and: [{ field: "town", op: "eq", value: "gent" }, { not: { field: column, op: "eq", value: "Octopus" } }] },
      columns: ["name", "town", column],
      sort: "-name",
    },
  }),
);
const ofView = { params: { path: { id: view.id } } };
const rows = async () => (await answer(api.GET("/v1/views/{id}/rows", ofView))).items.map((row) => row.values["name"]);
assert.deepEqual(await rows(), ["Garage Claes", "Bakkerij Peeters"]);
console.log(`view: ${(await rows()).join(", ")}`);

const edit = await answer(
  api.POST("/v1/bulk-edits", {
    body: { selection: { view_id: view.id }, assignments: [{ field: column, set: "Octopus" }] },
  }),
);
const ofEdit = { params: { path: { id: edit.id } } };
const { items: changes } = await answer(api.GET("/v1/bulk-edits/{id}/rows", ofEdit));
const said = changes.flatMap((row) => row.values.map((one) => `${row.name} ${one.before ?? "nothing"} → ${one.after}`));
console.log(`preview: ${edit.to_change} of ${edit.selected}: ${said.join(", ")}`);
const done = await finished(await answer(api.POST("/v1/bulk-edits/{id}/application", ofEdit)));
assert(done.kind === "bulk_edit" && done.result);
assert.deepEqual([done.result.changed, done.result.skipped, await rows()], [2, 0, []]);
const undone = await finished(await answer(api.POST("/v1/bulk-edits/{id}/undo", ofEdit)));
assert(undone.kind === "bulk_edit_undo" && undone.result);
assert.deepEqual([undone.result.restored, undone.result.kept, await rows()], [2, 0, ["Garage Claes", "Bakkerij Peeters"]]);
console.log(`bulk edit: ${done.result.changed} changed, ${undone.result.restored} undone`);

const query = { view: view.id, columns: view.columns.join(",") };
const text = await answer(api.GET("/v1/client-export", { params: { query }, parseAs: "text" }));
assert.deepEqual(text.replace("\ufeff", "").trimEnd().split("\r\n").slice(1), [
  "Garage Claes;Gent;",
  "Bakkerij Peeters;Gent;Exact",
]);
const workbook = await answer(
  api.GET("/v1/client-export", { params: { query: { ...query, format: "xlsx" } }, parseAs: "arrayBuffer" }),
);
assert.equal(Buffer.from(workbook).subarray(0, 2).toString(), "PK");
console.log(`export: ${text.length} characters of CSV, a workbook of ${workbook.byteLength} bytes`);
