# Base of what belongs to one contact.
class Api::V1::Accounts::Contacts::BaseController < Api::V1::Accounts::BaseController
  private

  def contact
    @contact ||= current_account.contacts.find(params[:contact_id])
  end
end
