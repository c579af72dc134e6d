/** A master boot record that says something on COM1 and on COM2, then halts. */
export function bootSector(console: string, tools: string): Buffer {
  const loadAddress = 0x7c00;
  const codeBytes = 35;
  const consoleAt = loadAddress + codeBytes;
  const toolsAt = consoleAt + console.length + 1;
  const word = (value: number): string => Buffer.from([value & 0xff, (value >> 8) & 0xff]).toString('hex');
  const printAt = 26;
  const call = (nextAt: number): string => `e8${word(0x10000 + printAt - nextAt)}`;
  const code = [
    '31c0 8ed8 fc', // xor ax, ax; mov ds, ax; cld
    `ba${word(0x3f8)} be${word(consoleAt)}`, // mov dx, COM1; mov si, console
    call(14),
    `ba${word(0x2f8)} be${word(toolsAt)}`, // mov dx, COM2; mov si, tools
    call(23),
    'f4 ebfd', // halt: hlt; jmp halt
    'ac 84c0 7403 ee ebf8 c3', // print: lodsb; test al, al; jz done; out dx, al; jmp print; done: ret
  ];
  const sector = Buffer.alloc(512);
  sector.set(Buffer.from(code.join('').replaceAll(' ', ''), 'hex'), 0);
  sector.write(console, consoleAt - loadAddress, 'latin1');
  sector.write(tools, toolsAt - loadAddress, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
