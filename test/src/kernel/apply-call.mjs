/** A mutation of the script, made in a transaction. */
export const apply = (tasks, { kind, id, text }) => {
  if (kind === "create")
    return tasks.mutate(id, "task.created", { description: text, tool: "CLAUDECODE" });
  if (kind === "update") return tasks.mutate(id, "task.updated", { description: text });
  if (kind === "delete") return tasks.mutate(id, "task.deleted", {});
  const timestamp = new Date().toISOString();
  return tasks.append(id, "logs", { timestamp, level: "info", type: "output", message: text });
};
