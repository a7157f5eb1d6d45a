// What is said in the agents' language where WhatsApp's message has no words; %s is filled in.
const ENGLISH = {
  image: 'picture', video: 'video', audio: 'audio', document: 'document', sticker: 'sticker',
  unknown: '[A WhatsApp message that cannot be shown here: %s]', lost: '[A WhatsApp %s that could not be fetched]',
  tooLarge: '[%s, %s MB: too large to be brought here (up to %s MB); it is on the phone]',
  cut: '[Too long to be shown here; the rest is on the phone]',
  elsewhere: '[Came by the WhatsApp phone %s; your answer goes out from another number]',
  edited: '[Edited message]', editedUnread: '[The message was edited; its new words are on the phone only]',
  customer: 'The customer', deleted: '%s deleted a message', deletedOwn: 'A message was deleted on the phone',
  reacted: '%s reacted: %s', reactedOwn: 'Reacted on the phone: %s',
  unreacted: '%s took a reaction back', unreactedOwn: 'A reaction was taken back on the phone',
  items: '%s items', voted: '[Voted in the poll: %s]', votedUnread: '[Voted in the poll; for what is on the phone only]',
  group: '[Invitation to the group %s]', stickers: '[Sticker pack: %s]', canceled: '[Cancelled]',
  answered: '[Answered the invitation; what is on the phone only]', paid: '[Payment: %s]', asked: '[Asks for a payment: %s]',
};
const PORTUGUESE = {
  image: 'imagem', video: 'vídeo', audio: 'áudio', document: 'documento', sticker: 'figurinha',
  unknown: '[Uma mensagem do WhatsApp que não pode ser mostrada aqui: %s]',
  lost: '[Arquivo do WhatsApp que não pôde ser obtido: %s]',
  tooLarge: '[%s, %s MB: grande demais para ser trazido (até %s MB); está no celular]',
  cut: '[Longo demais para ser mostrado aqui; o resto está no celular]',
  elsewhere: '[Chegou pelo celular WhatsApp %s; sua resposta sai de outro número]',
  edited: '[Mensagem editada]', editedUnread: '[A mensagem foi editada; o novo texto está só no celular]',
  customer: 'O cliente', deleted: '%s apagou uma mensagem', deletedOwn: 'Uma mensagem foi apagada no celular',
  reacted: '%s reagiu: %s', reactedOwn: 'Reação no celular: %s',
  unreacted: '%s retirou uma reação', unreactedOwn: 'Uma reação foi retirada no celular',
  items: '%s itens', voted: '[Votou na enquete: %s]', votedUnread: '[Votou na enquete; em que, está só no celular]',
  group: '[Convite para o grupo %s]', stickers: '[Pacote de figurinhas: %s]', canceled: '[Cancelado]',
  answered: '[Respondeu ao convite; o quê, está só no celular]', paid: '[Pagamento: %s]', asked: '[Pede um pagamento: %s]',
};
const PHRASES = { en: ENGLISH, pt: PORTUGUESE, pt_BR: PORTUGUESE }['@@LOCALE@@'] ?? ENGLISH;
const say = (name, ...values) => values.reduce((text, value) => text.replace('%s', () => value), PHRASES[name]);
