/**
 * The replaced file and its caller, as an orchestrator has them: its own type of a task, with a branded id and shapes that
 * are interfaces. It compiles, and the test runs it.
 *
 *     task-store  ─ unchanged ─>  state-persistence (the replaced file)  ─>  @taskwal/adapters/state-persistence
 */
import {
  StatePersistence as DropIn,
  type PersistedState as StateOf,
} from "@taskwal/adapters/state-persistence";

type TaskId = string & { readonly __brand: "TaskId" };

interface TaskLogEntry {
  timestamp: string;
  level: "debug" | "info" | "warn" | "error";
  type: "system" | "agent" | "tool" | "output" | "progress";
  prefix?: string;
  message: string;
  metadata?: { toolName?: string; duration?: number; [key: string]: unknown };
}

export interface Task {
  readonly id: TaskId;
  description: string;
  status: "pending" | "in_progress" | "waiting" | "completed" | "failed" | "cancelled";
  tool: "CLAUDECODE";
  created_at: string;
  updated_at: string;
  started_at?: string;
  completed_at?: string;
  assigned_to?: string;
  result?: { output: string; success: boolean };
  logs: TaskLogEntry[];
}

// The replaced file is these two lines, and the exports of its other types.
export class StatePersistence extends DropIn<Task> {}
export type PersistedState = StateOf<Task>;

/** As the orchestrator's: memory first, whole tasks, saves of the state that nobody awaits. */
export class TaskStore {
  readonly #tasks = new Map<string, Task>();
  readonly #persistence: StatePersistence;

  constructor(basePath: string) {
    this.#persistence = StatePersistence.getInstance({ basePath });
  }

  async load(): Promise<number> {
    for (const task of await this.#persistence.loadTasks()) this.#tasks.set(task.id, task);
    return this.#tasks.size;
  }

  async createTask(id: string): Promise<void> {
    const time = new Date().toISOString();
    const task: Task = {
      id: id as TaskId,
      description: `do ${id}`,
      status: "pending",
      tool: "CLAUDECODE",
      created_at: time,
      updated_at: time,
      logs: [],
    };
    await this.#put(task);
    void this.#persist();
  }

  async updateTask(id: string, updates: Partial<Task>): Promise<void> {
    await this.#put({ ...this.#known(id), ...updates, updated_at: new Date().toISOString() });
    void this.#persist();
  }

  async addLog(id: string, message: string): Promise<void> {
    const task = this.#known(id);
    const timestamp = new Date().toISOString();
    const entry: TaskLogEntry = { timestamp, level: "info", type: "output", message };
    await this.#put({ ...task, logs: [...task.logs, entry], updated_at: timestamp });
  }

  async deleteTask(id: string): Promise<void> {
    this.#tasks.delete(id);
    await this.#persistence.deleteTask(id);
    void this.#persist();
  }

  get tasks(): readonly Task[] {
    return [...this.#tasks.values()];
  }

  loadState(): Promise<PersistedState | null> {
    return this.#persistence.loadState();
  }

  end(): Promise<void> {
    return this.#persistence.shutdown();
  }

  #known(id: string): Task {
    const task = this.#tasks.get(id);
    if (!task) throw new Error(`no task ${id}`);
    return task;
  }

  #put(task: Task): Promise<void> {
    this.#tasks.set(task.id, task);
    return this.#persistence.saveTask(task);
  }

  #persist(): Promise<void> {
    const metrics = {
      total_tasks: this.#tasks.size,
      completed_tasks: 0,
      failed_tasks: 0,
      average_completion_time: 0,
    };
    const last_saved = new Date().toISOString();
    return this.#persistence.saveState({
      tasks: [...this.tasks],
      sessions: [],
      metrics,
      last_saved,
    });
  }
}
