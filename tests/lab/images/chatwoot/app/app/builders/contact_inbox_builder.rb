# Finds or makes a contact's address in an inbox. Traps (facts 8): with no source_id it makes a new random one each
# time; a source_id that belongs to another contact of the inbox is a violation in the database.
class ContactInboxBuilder
  def initialize(contact:, inbox:, source_id: nil)
    @wanted = { contact: contact, inbox: inbox, source_id: source_id.presence || SecureRandom.uuid }
  end

  def perform
    ContactInbox.where(@wanted).first || ContactInbox.create!(@wanted)
  end
end
