/** What the command's exit tells a script. The rule: the same number means the same of every verb. */
export const exitCodes = {
  fine: 0,
  /** Something is not as it should be, or not all of it could be had, or nothing matched: see what was printed. */
  difference: 1,
  usage: 2,
  /** The disk, or the owner of the directory, did not let it happen: nothing was changed. */
  refused: 3,
  corruption: 4,
  /** What is recorded and what is computed from it do not agree. */
  divergence: 5,
  /** agentapi has not saved its state so that it can be relied on. */
  unsaved: 10,
  /** Coder has not taken the log. */
  unposted: 11,
  /** agentapi did not end in time, and was killed. */
  killed: 12,
  /** agentapi runs also after it was killed: the system holds it. */
  stillRunning: 13,
  /** agentapi is not there, or did not start. */
  notStarted: 14,
  /** Ctrl-C. */
  interrupted: 130,
} as const;
