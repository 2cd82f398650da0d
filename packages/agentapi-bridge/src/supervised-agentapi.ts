/**
 * A supervised agentapi, from its start or adoption to its end.
 *
 *     follow ─ journal        what it tells, as long as it runs
 *     send                    one at a time, once it has loaded
 *     checkpoint              after each reply, and when asked: saved, compared, kept
 *     stop ─┐
 *     end ──┴─ reconcile ─ journal closed        whoever ended it
 *
 * The rule: its end is handled once, and alike whether it was asked for, crashed or was killed. Leaving it (`leave`, or
 * the end of this process) does not end it: the next supervisor adopts it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { DetachedProcess, Disk, ProcessEnd, ProcessIdentity } from "@taskwal/disk";

import type { LogSnapshotOrder } from "./capture-log-snapshot.ts";
import { followEvents, type FollowEvent, type Following } from "./follow-events.ts";
import type { Command, Journal } from "./journal.ts";
import type { LoadOutcome } from "./log-tail.ts";
import { parsePidFile } from "./pid-file.ts";
import type { CoderAccess } from "./post-log-snapshot.ts";
import { openOutbox } from "./outbox.ts";
import { reconcile, type Reconciled } from "./reconcile.ts";
import { sendMessage } from "./send-message.ts";
import { readFileAt, removeFileAt } from "./file-at.ts";
import { snapshotMessages } from "./snapshot-message.ts";
import { keepState, type SessionPaths } from "./session-directory.ts";
import { stopAgentApi, type StopLimits, type StopPhase, type StopResult } from "./stop-agentapi.ts";
import { takeCheckpoint, type Checkpoint } from "./take-checkpoint.ts";
import { withinMs } from "./time-limit.ts";
import { waitForLoad } from "./wait-for-start.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";

export interface RunningAgentApi {
  readonly identity: ProcessIdentity;
  readonly port: number;
  /** "http://127.0.0.1:3284" */
  readonly baseUrl: string;
  readonly paths: SessionPaths;
  /** It was there already. */
  readonly isAdopted: boolean;
  /** It saves at SIGUSR1 and at its end. */
  readonly savesState: boolean;
  readonly loadsState: boolean;
  /** What its state file had when it was started. */
  readonly saved: readonly ComparedMessage[];
  /** Undefined for one that was adopted. */
  readonly child: DetachedProcess | undefined;
}

export type SuperviseEvent =
  | { readonly event: "warning"; readonly reason: string }
  | ({ readonly event: "reconciled" } & Reconciled)
  | {
      readonly event: "spawned" | "adopted" | "started";
      readonly pid: number;
      readonly port: number;
    }
  | { readonly event: "loaded"; readonly outcome: LoadOutcome }
  /** The agent is not ready for input: nothing is sent and nothing saved until it is. */
  | { readonly event: "not-ready"; readonly afterMs: number }
  | { readonly event: "told"; readonly told: FollowEvent }
  | ({ readonly event: "checkpoint" } & Pick<Checkpoint, "verdict" | "reason">)
  | { readonly event: "stopping"; readonly phase: StopPhase }
  | ({ readonly event: "ended" } & ProcessEnd);

export interface SuperviseLimits extends StopLimits {
  /** Until it answers. Default: 15,000. */
  readonly startMs?: number;
  /** Until it has loaded, before `superviseAgentApi` resolves without that. Default: 30,000. */
  readonly loadMs?: number;
  /** For a message to be taken, and again for its answer. Default: 35,000: agentapi itself takes up to 30 s. */
  readonly sendMs?: number;
}

const pollMs = 100;
/** What is being sent when it is to stop. */
const quiesceMs = 2000;

interface Parts {
  readonly disk: Disk;
  readonly agent: RunningAgentApi;
  readonly journal: Journal;
  readonly limits: SuperviseLimits;
  readonly tell: (event: SuperviseEvent) => void;
}

export class SupervisedAgentApi {
  readonly agent: RunningAgentApi;
  readonly journal: Journal;
  /** Once it has ended, and its state file holds what the journal holds. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  /** What its load came to; undefined if it ended before. */
  readonly loaded: Promise<LoadOutcome | undefined>;
  readonly #parts: Parts;
  readonly #following: Following;
  readonly #left = new AbortController();
  readonly #quiet = new AbortController();
  #hasLoaded: boolean;
  #hasChanged = true;
  #hasEnded = false;
  #lastCheckpoint: Promise<unknown> = Promise.resolve();
  #stop: Promise<StopResult<Checkpoint>> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.agent = parts.agent;
    this.journal = parts.journal;
    this.#hasLoaded = parts.journal.session.loadResolved;
    const { baseUrl } = parts.agent;
    this.#following = followEvents({
      journal: parts.journal,
      baseUrl,
      signal: this.#left.signal,
      onEvent: (told) => this.#heard(told),
    });
    this.#following.done.catch((error: unknown) =>
      this.#warn("its events are not recorded", error),
    );
    this.loaded = this.#load();
    this.ended = this.#end();
  }

  /** Resolves once all that it had to tell is in the journal. */
  get ready(): Promise<void> {
    return this.#following.ready;
  }

  get status(): "running" | "stable" | undefined {
    return this.#following.status();
  }

  /** Intent durable first. Never throws for what agentapi answers; throws what the journal throws. */
  async send(text: string): Promise<Command> {
    const { sendMs: timeoutMs = 35_000 } = this.#parts.limits;
    const isReady = this.#stop
      ? false
      : await withinMs(timeoutMs, () => this.loaded.then((outcome) => outcome !== undefined)).catch(
          () => false,
        );
    if (!isReady || this.#stop || this.#hasEnded) {
      // A POST to one that is not ready blocks it for ever.
      const reason =
        this.#stop || this.#hasEnded ? "agentapi is being stopped" : "the agent is not ready";
      const { id } = await this.journal.intend(text);
      return this.journal.settle(id, "rejected", reason);
    }
    const { journal } = this;
    const { baseUrl } = this.agent;
    return sendMessage({ journal, baseUrl, text, timeoutMs, signal: this.#quiet.signal });
  }

  /** One at a time. Never throws: what went wrong is its verdict. */
  checkpoint(limitMs = this.#parts.limits.checkpointMs ?? 6000): Promise<Checkpoint> {
    const taken = this.#lastCheckpoint.then(() =>
      withinMs(limitMs, (signal) => this.#checkpoint(limitMs, signal)).catch((error: unknown) => {
        return { verdict: "failed" as const, reason: (error as Error).message };
      }),
    );
    this.#lastCheckpoint = taken.then(({ verdict, reason }) =>
      this.#parts.tell({ event: "checkpoint", verdict, reason }),
    );
    return taken;
  }

  /** Checkpoint, log to Coder, end. Bounded by its limits; asked again it is the same stop. Never throws. */
  stop(snapshot?: {
    readonly taskId: string;
    readonly coder: CoderAccess;
  }): Promise<StopResult<Checkpoint>> {
    this.#stop ??= this.#stopOnce(snapshot);
    return this.#stop;
  }

  /** Stops supervising; agentapi runs on, and the next supervisor adopts it. */
  async leave(): Promise<void> {
    this.#left.abort();
    this.#quiet.abort();
    await this.#following.done.catch(() => {});
    await this.journal
      .close()
      .catch((error: unknown) => this.#warn("the journal did not close", error));
  }

  #heard(told: FollowEvent): void {
    const { tell } = this.#parts;
    tell({ event: "told", told });
    if (told.kind === "message_update") this.#hasChanged = true;
    if (told.kind === "status_change") this.#saveIfStable();
  }

  /** After each reply, and once it has loaded: what was said is in the file soon. */
  #saveIfStable(): void {
    const isWorthIt = this.#hasChanged && this.status === "stable" && this.agent.savesState;
    if (!isWorthIt || !this.#hasLoaded || this.#stop || this.#hasEnded) return;
    this.#hasChanged = false;
    void this.checkpoint();
  }

  async #load(): Promise<LoadOutcome | undefined> {
    const { disk, agent, journal, tell } = this.#parts;
    if (this.#hasLoaded) return "loaded";
    const { signal } = this.#left;
    const outcome = agent.loadsState
      ? await waitForLoad({
          disk,
          logFile: agent.paths.logFile,
          baseUrl: agent.baseUrl,
          saved: agent.saved,
          limitMs: Infinity,
          signal,
          hasEnded: () => this.#hasEnded || disk.isAlive(agent.identity) === "dead",
        })
      : "nothing";
    if (outcome === "ended" || outcome === "timeout") return undefined;
    this.#hasLoaded = true;
    await journal
      .note({ phase: "ready", loadResolved: true })
      .catch((error: unknown) => this.#warn("its load is not recorded", error));
    tell({ event: "loaded", outcome });
    this.#saveIfStable();
    return outcome;
  }

  async #checkpoint(limitMs: number, signal: AbortSignal): Promise<Checkpoint> {
    const { disk, agent, journal } = this.#parts;
    const unverified = (reason: string): Checkpoint => ({ verdict: "unverified", reason });
    if (this.#hasEnded) return { verdict: "failed", reason: "it runs no more" };
    if (!agent.savesState) return unverified("this agentapi saves no state");
    if (!this.#hasLoaded)
      return unverified("it has not loaded its state, and a save would replace it");
    const { identity, paths } = agent;
    const expected = async (): Promise<ReturnType<Journal["projection"]>> => {
      await journal.flush();
      return journal.projection();
    };
    const { stateFile, logFile } = paths;
    const taken = await takeCheckpoint(
      disk,
      { identity, stateFile, logFile, expected },
      { limitMs: limitMs * 0.8, signal },
    );
    await this.#keep(taken);
    return taken;
  }

  async #keep({ verdict, bytes, sha256 = "", messageCount = 0 }: Checkpoint): Promise<void> {
    const { disk, agent, journal } = this.#parts;
    try {
      const isGood = ["verified", "clean", "ahead"].includes(verdict);
      if (isGood && bytes) await keepState(disk, agent.paths, "checkpoints", bytes);
      await journal.note({
        checkpoint: { verdict, sha256, at: disk.clock.now(), messages: messageCount },
      });
    } catch (error) {
      this.#warn("the checkpoint could not be kept", error);
    }
  }

  async #stopOnce(
    snapshot: Pick<LogSnapshotOrder, "taskId" | "coder"> | undefined,
  ): Promise<StopResult<Checkpoint>> {
    const { disk, agent, journal, limits, tell } = this.#parts;
    await withinMs(quiesceMs, async () => {
      await journal.note({ phase: "stopping" });
      await journal.turn(async () => {});
    }).catch(() => {});
    this.#quiet.abort();
    const result = await stopAgentApi<Checkpoint>(disk, {
      identity: agent.identity,
      limits,
      ...(agent.savesState && this.#hasLoaded && { checkpoint: () => this.checkpoint() }),
      ...(snapshot && { snapshot: this.#snapshotOrder(snapshot) }),
      onPhase: (phase) => tell({ event: "stopping", phase }),
    });
    if (result.ended === "alive") await this.leave();
    else await this.ended;
    return result;
  }

  #snapshotOrder(snapshot: Pick<LogSnapshotOrder, "taskId" | "coder">): LogSnapshotOrder {
    const { disk, agent, journal } = this.#parts;
    return {
      ...snapshot,
      outbox: openOutbox(disk, agent.paths.outbox),
      messages: async () => {
        await journal.flush().catch(() => {});
        return snapshotMessages(journal.conversation());
      },
    };
  }

  /** Of our child and of one that was adopted alike: the system is asked, and what is a zombie has ended. */
  async #end(): Promise<ProcessEnd> {
    const { disk, agent, tell } = this.#parts;
    while (disk.isAlive(agent.identity) !== "dead") {
      if (this.#left.signal.aborted) return { code: null, signal: null };
      await sleep(pollMs);
    }
    this.#hasEnded = true;
    const unknown: ProcessEnd = { code: null, signal: null };
    const ended = agent.child
      ? await withinMs(1000, () => agent.child?.ended ?? Promise.resolve(unknown)).catch(
          () => unknown,
        )
      : unknown;
    await this.#lastCheckpoint;
    this.#quiet.abort();
    this.#left.abort();
    await this.#following.done.catch(() => {});
    await this.#settle();
    tell({ event: "ended", ...ended });
    return ended;
  }

  /** What is left to do after an end; what cannot be done now is done by the next start. */
  async #settle(): Promise<void> {
    const { disk, agent, journal, tell } = this.#parts;
    const { identity, paths, savesState } = agent;
    try {
      await journal.turn(async () => {});
      await journal.note({ phase: "stopped" });
      if (savesState) tell({ event: "reconciled", ...(await reconcile(disk, journal, paths)) });
      else await journal.recover([]);
      const pidText = await readFileAt(disk, paths.pidFile);
      const named = pidText && parsePidFile(new TextDecoder().decode(pidText));
      if (named === identity.pid) await removeFileAt(disk, paths.pidFile);
    } catch (error) {
      this.#warn("what it left is not settled yet", error);
    }
    await journal.close().catch((error: unknown) => this.#warn("the journal did not close", error));
  }

  #warn(what: string, error: unknown): void {
    this.#parts.tell({ event: "warning", reason: `${what}: ${(error as Error).message}` });
  }
}
