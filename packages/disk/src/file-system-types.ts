/**
 * Names of file systems by their magic number (statfs `f_type` on Linux), and which are networks.
 *
 * The rule: a network file system is one whose locks, caches and syncs depend on another machine.
 * FUSE is not counted: it is mostly local, and the number does not tell.
 */

const networkTypes = new Map([
  [0x6969, "nfs"],
  [0x517b, "smb"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x00c36400, "ceph"],
  [0x5346414f, "afs"],
  [0x6b414653, "afs"],
  [0x01021997, "9p"],
  [0x564c, "ncp"],
  [0x73757245, "coda"],
  [0x0bd00bd0, "lustre"],
  [0x47504653, "gpfs"],
  [0x19830326, "beegfs"],
  [0x20030528, "orangefs"],
  [0x786f4256, "vboxsf"],
]);

const localTypes = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x858458f6, "ramfs"],
  [0x794c7630, "overlay"],
  [0x2fc12fc1, "zfs"],
  [0xca451a4e, "bcachefs"],
  [0xf2f52010, "f2fs"],
  [0x65735546, "fuse"],
  [0x3153464a, "jfs"],
  [0x52654973, "reiserfs"],
  [0x4d44, "vfat"],
  [0x2011bab0, "exfat"],
  [0x5346544e, "ntfs"],
  [0x7366746e, "ntfs3"],
  [0xf15f, "ecryptfs"],
  [0x61756673, "aufs"],
]);

/** The name for people and the verdict. An unknown number is named by itself, and counts as local. */
export const fileSystemType = (magic: number): { name: string; network: boolean } => {
  // Some platforms hand the 32-bit number over sign-extended.
  const unsigned = magic >>> 0;
  const network = networkTypes.get(unsigned);
  if (network) return { name: network, network: true };
  return { name: localTypes.get(unsigned) ?? `type 0x${unsigned.toString(16)}`, network: false };
};
