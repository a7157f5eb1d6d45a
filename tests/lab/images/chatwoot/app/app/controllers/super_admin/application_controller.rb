# Base of the pages of the super administrator, who signs in on a page of its own: neither an API token nor the
# dashboard's sign-in opens them.
class SuperAdmin::ApplicationController < ApplicationController
  before_action :require_super_admin

  private

  def require_super_admin
    redirect_to '/super_admin/sign_in' unless SuperAdmin.exists?(session[:super_admin_id])
  end
end
