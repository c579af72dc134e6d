/** Copies the sector to the one behind it, through the firmware; stands still where that fails. */
const copyItself = [
  '8ec0', // mov es, ax
  'b80103 bb007c', // mov ax, write one sector; mov bx, load address
  'b90200 30f6', // mov cx, cylinder 0, sector 2; xor dh, dh
  'cd13 72fe', // int 0x13; here: jc here
];

/**
 * A master boot record that says something on COM1 and on COM2, then halts. With `writes` it first writes a copy of
 * itself to the second sector of its disk.
 */
export function bootSector(console: string, tools: string, { writes = false } = {}): Buffer {
  const loadAddress = 0x7c00;
  const before = writes ? copyItself : [];
  const codeBytes = 35 + bytesOf(before).length;
  const consoleAt = loadAddress + codeBytes;
  const toolsAt = consoleAt + console.length + 1;
  const word = (value: number): string => Buffer.from([value & 0xff, (value >> 8) & 0xff]).toString('hex');
  const printAt = 26;
  const call = (nextAt: number): string => `e8${word(0x10000 + printAt - nextAt)}`;
  const code = [
    '31c0 8ed8 fc', // xor ax, ax; mov ds, ax; cld
    ...before,
    `ba${word(0x3f8)} be${word(consoleAt)}`, // mov dx, COM1; mov si, console
    call(14),
    `ba${word(0x2f8)} be${word(toolsAt)}`, // mov dx, COM2; mov si, tools
    call(23),
    'f4 ebfd', // halt: hlt; jmp halt
    'ac 84c0 7403 ee ebf8 c3', // print: lodsb; test al, al; jz done; out dx, al; jmp print; done: ret
  ];
  const sector = Buffer.alloc(512);
  sector.set(bytesOf(code), 0);
  sector.write(console, consoleAt - loadAddress, 'latin1');
  sector.write(tools, toolsAt - loadAddress, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A master boot record that says on COM1 whether its e1000e card has a link, 0 or 2, and again whenever that changes. */
export function linkSector(): Buffer {
  const sector = Buffer.alloc(512);
  sector.set(
    bytesOf([
      '31c0 8ed8', // xor ax, ax; mov ds, ax
      'b802b1 b9d310 ba8680 31f6 cd1a', // PCI BIOS: bx = the device 8086:10d3
      'b80ab1 bf1800 cd1a', // PCI BIOS: ecx = its I/O window
      '80e1fc 89cd b3ff', // and cl, 0xfc; mov bp, cx; mov bl, nothing said yet
      '89ea 66b808000000 66ef', // look: mov dx, bp; mov eax, STATUS; out dx, eax
      '83c204 66ed 2402', // add dx, 4; in eax, dx; and al, link up
      '38d8 74eb 88c3', // cmp al, bl; je look; mov bl, al
      '0430 baf803 ee ebe1', // add al, '0'; mov dx, COM1; out dx, al; jmp look
    ]),
    0,
  );
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

const bytesOf = (code: readonly string[]): Buffer => Buffer.from(code.join('').replaceAll(' ', ''), 'hex');
